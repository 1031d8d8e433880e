/** `node fuzz/dist/run.js TARGET SEED CASES` tries cases and says what was found. */

import { runCases } from './pool.ts';

const [target = 'models', seed = '1', cases = '1000'] = process.argv.slice(2);
const { findings, ...counts } = await runCases(target, Number(seed), Number(cases));
for (const finding of findings) console.log(`${finding}\n`);
console.log({ findings: findings.length, ...counts });
process.exitCode = findings.length > 0 ? 1 : 0;
