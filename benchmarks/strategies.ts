/**
 * What each strategy costs on our own engine: a run of train.js a strategy and precision, each in a process of its own,
 * in turns. Prints medians: pairs a second, peak memory of the process, and both beside full training's.
 * node benchmarks/dist/strategies.js MODEL_FOLDER PAIRS.jsonl.gz [rounds]
 */

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const STRATEGIES = ['full', 'bitfit', 'lora'] as const;
const STEPS = '9';
const train = fileURLToPath(new URL('train.js', import.meta.url));
const [folder, pairs, rounds = '5'] = process.argv.slice(2) as [string, string, string?];

interface Figures {
  pairsPerSecond: number;
  rss: number;
}

const median = (numbers: number[]) => numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)] as number;

for (const precision of ['fp32', 'bf16']) {
  const found: Record<(typeof STRATEGIES)[number], Figures[]> = { full: [], bitfit: [], lora: [] };
  for (let round = 0; round < Number(rounds); round++) {
    for (const strategy of STRATEGIES) {
      const output = execFileSync(process.execPath, [train, folder, precision, pairs, STEPS, strategy], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      found[strategy].push(JSON.parse(output.trim().split('\n').at(-1) as string) as Figures);
    }
  }
  const figure = (strategy: (typeof STRATEGIES)[number], name: keyof Figures) =>
    median(found[strategy].map((figures) => figures[name]));
  for (const strategy of STRATEGIES) {
    const [speed, bytes] = [figure(strategy, 'pairsPerSecond'), figure(strategy, 'rss')];
    const faster = (speed / figure('full', 'pairsPerSecond')).toFixed(2);
    const share = Math.round((100 * bytes) / figure('full', 'rss'));
    console.log(
      `${precision} ${strategy.padEnd(7)} ${speed.toFixed(1).padStart(6)} pairs/s ${faster}x  peak ${(bytes / 1e6).toFixed(0).padStart(5)} MB ${share}%`,
    );
  }
}
