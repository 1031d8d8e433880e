/** The batch size of a run whose caller names none. */

import * as tf from '@tensorflow/tfjs-core';
import { type Embedder, OptionError, type Parameters } from '@uniem/core';
import { Dataset, type RecordType, type Row, validateRecord } from '@uniem/data';
import { budgetOf } from '../batches/record-batches.ts';
import { collate, textsOf } from '../batches/records.ts';
import type { Rows } from '../batches/training-data.ts';
import type { ResolvedFinetuneOptions } from '../options.ts';
import { batchGradients } from './batch-gradients.ts';
import type { Gradients } from './trainer.ts';

/** uniem's default; a batch is not made larger than this unasked. */
const LARGEST = 256;

/** How engines say that there is no memory left. */
const OUT_OF_MEMORY = /out of memory|OOM when allocating|ResourceExhausted|allocation failed/i;

interface Trial {
  embedder: Embedder;
  recordType: RecordType;
  options: ResolvedFinetuneOptions & { maxLength: number };
  /** What stands before every text. */
  prefix: string;
  variables: Parameters;
}

/**
 * 256, halved until a step fits into memory: of the longest records (of a stream, of its first ones) that tokenBudget has
 * room for, and with room for the optimizer's moments. No weight changes.
 *
 * @throws OptionError where not even the smallest batch fits.
 */
export async function findBatchSize(train: Rows, trial: Trial): Promise<number> {
  const records = heaviestBatch(await longestRecords(train, trial.recordType), trial);
  const least = trial.recordType === 'pair' ? 2 : 1;
  let tooMany = Number.POSITIVE_INFINITY;
  for (let size = LARGEST; size >= least; size /= 2) {
    const batch = records.slice(0, size);
    if (batch.length >= tooMany) continue; // the same as before
    if (await fits(batch, trial)) return size;
    tooMany = batch.length;
  }
  throw new OptionError(
    `a batch of ${least} does not fit into memory`,
    'batchSize',
    'lower maxLength, set gradientCheckpointing or gradCacheTokens, or train fewer parameters (strategy lora or bitfit)',
  );
}

async function longestRecords(train: Rows, recordType: RecordType): Promise<Row[]> {
  const records: Row[] = [];
  if (!(train instanceof Dataset)) {
    for await (const row of train) if (records.push(validateRecord(row, recordType)) === LARGEST) break;
    return records;
  }
  const lengths = [...train].map((row) => textsOf(row, recordType).reduce((sum, text) => sum + text.length, 0));
  const order = [...lengths.keys()].sort((a, b) => (lengths[b] as number) - (lengths[a] as number));
  return order.slice(0, LARGEST).map((index) => train.row(index));
}

/** As many of the longest records as reach the token budget: no batch has more tokens. */
function heaviestBatch(longest: Row[], trial: Trial): Row[] {
  const budget = budgetOf(trial);
  if (!budget) return longest;
  let tokens = 0;
  const last = longest.findIndex((record, i) => {
    tokens += budget.sizeOf(record);
    return tokens >= budget.most && i + 1 >= budget.least;
  });
  return last === -1 ? longest : longest.slice(0, last + 1);
}

async function fits(records: readonly Row[], trial: Trial): Promise<boolean> {
  const { embedder, recordType, options, prefix, variables } = trial;
  const moments: tf.Tensor[] = [];
  let made: Gradients | undefined;
  try {
    for (const variable of variables.values()) moments.push(tf.zerosLike(variable), tf.zerosLike(variable));
    const batch = collate(records, recordType, embedder, options.maxLength, prefix);
    made = batchGradients(embedder, batch, options, variables, 0);
    await made.value.data(); // an engine may find out only now
    return true;
  } catch (error) {
    if (error instanceof Error && OUT_OF_MEMORY.test(error.message)) return false;
    throw error;
  } finally {
    tf.dispose(moments);
    tf.dispose([...(made ? [made.value, ...made.gradients.values()] : [])]);
  }
}
