/** The loss of a validation set. */

import { setImmediate } from 'node:timers/promises';

import * as tf from '@tensorflow/tfjs-core';
import { DataError } from '@uniem/data';
import { type BatchSource, recordBatches } from '../batches/record-batches.ts';
import type { Rows } from '../batches/training-data.ts';
import { batchLoss } from '../losses/losses.ts';

/**
 * Mean over the batches, without dropout; undefined where the run is stopped before the end.
 *
 * @throws DataError for records that make no batch.
 */
export async function meanLoss(rows: Rows, source: BatchSource, stopped: () => boolean): Promise<number | undefined> {
  const { embedder, options } = source;
  let sum = 0;
  let count = 0;
  const whole = { ...options, dropLast: false, taskSampling: 'proportional' } as const;
  for await (const batch of recordBatches(rows, { ...source, options: whole })) {
    await setImmediate(); // lets a signal through, as the trainer does
    if (stopped()) return undefined;
    const loss = embedder.compute(() => tf.tidy(() => batchLoss(embedder, batch, options)));
    sum += (await loss.data())[0] as number;
    loss.dispose();
    count += 1;
  }
  if (count > 0) return sum / count;
  throw new DataError('no batch can be made of the validation set', undefined, 'give more records');
}
