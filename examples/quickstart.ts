/** Fine-tunes all-MiniLM-L6-v2 on WordNet as a reverse dictionary: given a definition, find the words. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { type Precision, useEngine } from '@uniem/core';
import type { Dataset } from '@uniem/data';
import { curveSvg, evaluateRetrieval, FineTuner, type Point } from '@uniem/finetuner';

import { minilmFolder } from './minilm.ts';
import { wordnetPairs } from './wordnet.ts';

const STEPS = 40;
const HELD_OUT = 2000;
const OUTPUT = 'quickstart-output';

const started = performance.now();
const shuffled = wordnetPairs().shuffle({ seed: 42 });
const heldOut = shuffled.select(Array.from({ length: HELD_OUT }, (_, i) => i));
const training = shuffled.select(Array.from({ length: shuffled.length - HELD_OUT }, (_, i) => HELD_OUT + i));
const { values } = parseArgs({ options: { precision: { type: 'string', default: 'fp32' } } });
const precision = values.precision as Precision;
console.log(`engine ${await useEngine()}, ${shuffled.length} WordNet pairs, ${HELD_OUT} held out`);

const fineTuner = await FineTuner.fromPretrained(minilmFolder(), { dataset: training });
const before = await mrr(fineTuner, heldOut);
console.log(`MRR@10 before: ${before.toFixed(4)}`);

const losses: Point[] = [];
const { modelFolder } = await fineTuner.run(
  {
    outputDir: OUTPUT,
    maxSteps: STEPS,
    batchSize: 64,
    lr: 5e-5,
    dropout: 0,
    maxLength: 128,
    logInterval: 1,
    precision,
  },
  { onStep: ({ step, loss }) => losses.push({ step, value: loss }) },
);
const after = await mrr(fineTuner, heldOut);
writeFileSync(join(OUTPUT, 'loss.svg'), curveSvg('all-MiniLM-L6-v2 on WordNet pairs', losses));
console.log(`MRR@10 after:  ${after.toFixed(4)}  (${STEPS} steps of 64)`);
console.log(`model: ${modelFolder}\nloss curve: ${join(OUTPUT, 'loss.svg')}`);
console.log(`${Math.round((performance.now() - started) / 1000)} s`);
if (after <= before) throw new Error('the model did not get better');

async function mrr({ embedder }: FineTuner, pairs: Dataset): Promise<number> {
  const queries = [...pairs].map((pair) => pair.text_pos as string);
  const documents = [...pairs].map((pair) => pair.text as string);
  return (await evaluateRetrieval(embedder, { queries, documents }))['mrr@10'];
}
