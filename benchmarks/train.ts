/** Pairs a second of a whole run of ours: train.js FOLDER PRECISION PAIRS.jsonl.gz STEPS [STRATEGY]; see peers/train.py. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { loadDataset } from '@uniem/data';
import { FineTuner, type StrategyName } from '@uniem/finetuner';

const [folder, precision, pairs, steps, strategy = 'full'] = process.argv.slice(2) as [
  string,
  'fp32' | 'bf16',
  string,
  string,
  StrategyName?,
];
const dataset = await loadDataset(pairs);
const fineTuner = await FineTuner.fromPretrained(folder, { dataset });
const outputDir = mkdtempSync(join(tmpdir(), 'uniem-bench-'));
const times: number[] = [];
await fineTuner.run(
  { outputDir, precision, strategy, maxSteps: Number(steps), batchSize: 64, lr: 5e-5, maxLength: 128 },
  { onStep: () => times.push(performance.now()) },
);
rmSync(outputDir, { recursive: true });
const seconds = ((times.at(-1) as number) - (times[2] as number)) / 1000;
console.log(
  JSON.stringify({ pairsPerSecond: (64 * (times.length - 3)) / seconds, rss: process.resourceUsage().maxRSS * 1024 }),
);
