/**
 * Real learning beside sentence-transformers': a 4-layer BERT from scratch learns which Chinese idiom an explanation is
 * of, in the same steps from the same weights. Prints MRR@10 of 1,000 held-out explanations that look for their idiom
 * among as many, by seed, both models measured here; fails where the means differ by more than noise.
 * node benchmarks/dist/idioms.js PYTHON FOLDER [seeds]
 */

import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Embedder } from '@uniem/core';
import { type Dataset, loadDataset, type Row } from '@uniem/data';
import { evaluateRetrieval, FineTuner } from '@uniem/finetuner';

const STEPS = 400;
const BATCH = 64;
const LR = 5e-4;
const WARMUP = 40;
const script = fileURLToPath(new URL('../peers/idioms.py', import.meta.url));
const [python, root, seeds = '3'] = process.argv.slice(2) as [string, string, string?];

/** What the script prints last. */
function peer(...args: (string | number)[]): Record<string, number> {
  const output = execFileSync(python, [script, ...args.map(String)], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return JSON.parse(output.trim().split('\n').at(-1) as string) as Record<string, number>;
}

async function mrr(model: string, test: readonly Row[]): Promise<number> {
  const embedder = await Embedder.fromPretrained(model);
  const [queries, documents] = (['text', 'text_pos'] as const).map((name) => test.map((row) => row[name] as string));
  const metrics = await evaluateRetrieval(embedder, { queries: queries as string[], documents: documents as string[] });
  embedder.dispose();
  return metrics['mrr@10'];
}

async function train(folder: string, seed: number): Promise<number> {
  const dataset = (await loadDataset(join(folder, 'train.jsonl'))) as Dataset;
  const fineTuner = await FineTuner.fromPretrained(join(folder, 'model'), { dataset });
  const start = performance.now();
  await fineTuner.run({
    outputDir: join(folder, 'ours'),
    maxSteps: STEPS,
    batchSize: BATCH,
    lr: LR,
    scheduler: 'linear',
    warmupSteps: WARMUP,
    weightDecay: 0.01,
    maxGradNorm: 1,
    shuffle: true,
    seed,
  });
  fineTuner.embedder.dispose();
  return (performance.now() - start) / 1000;
}

const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
/** Of a mean of so many values, from how they scatter. */
const variance = (values: number[]) =>
  values.reduce((sum, value) => sum + (value - mean(values)) ** 2, 0) / (values.length - 1) / values.length;

const found: Record<'ours' | 'peer', number[]> = { ours: [], peer: [] };
for (let seed = 1; seed <= Number(seeds); seed++) {
  const folder = join(root, String(seed));
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  peer('prepare', folder, seed);
  const test = [...((await loadDataset(join(folder, 'test.jsonl'))) as Dataset)];
  const before = await mrr(join(folder, 'model'), test);
  const seconds = await train(folder, seed);
  const { seconds: peerSeconds } = peer('train', folder, seed, STEPS, BATCH, LR, WARMUP) as { seconds: number };
  const [ours, theirs] = [await mrr(join(folder, 'ours', 'model'), test), await mrr(join(folder, 'peer'), test)];
  found.ours.push(ours);
  found.peer.push(theirs);
  console.log(
    `seed ${seed}  MRR@10 before ${before.toFixed(4)}  ours ${ours.toFixed(4)} in ${seconds.toFixed(0)} s  peer ${theirs.toFixed(4)} in ${peerSeconds.toFixed(0)} s`,
  );
}
const difference = mean(found.ours) - mean(found.peer);
const noise = 2 * Math.sqrt(variance(found.ours) + variance(found.peer));
console.log(
  `mean    ours ${mean(found.ours).toFixed(4)}  peer ${mean(found.peer).toFixed(4)}  difference ${difference.toFixed(4)}, two standard errors ${noise.toFixed(4)}`,
);
if (Math.abs(difference) > noise) process.exitCode = 1;
