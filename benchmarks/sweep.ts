/** Step time of ours against batch size and text length: sweep.js MODEL_FOLDER. */

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const step = fileURLToPath(new URL('step.js', import.meta.url));
const [folder] = process.argv.slice(2) as [string];
console.log('precision  pairs  tokens a text  seconds a step  tokens a second  peak MB');
for (const precision of ['fp32', 'bf16']) {
  for (const [pairs, tokens] of [
    [8, 64],
    [32, 16],
    [32, 64],
    [32, 256],
    [128, 16],
    [128, 64],
  ] as const) {
    const args = [step, folder, precision, String(pairs), String(tokens), '7'];
    const { seconds, rss } = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' }));
    const rate = (2 * pairs * tokens) / seconds;
    console.log(
      `${precision.padEnd(9)}  ${String(pairs).padStart(5)}  ${String(tokens).padStart(13)}  ` +
        `${seconds.toFixed(3).padStart(14)}  ${rate.toFixed(0).padStart(15)}  ${(rss / 1e6).toFixed(0).padStart(7)}`,
    );
  }
}
