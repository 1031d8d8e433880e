/** The loss of a validation set. */

import { setImmediate } from 'node:timers/promises';

import * as tf from '@tensorflow/tfjs';

import { batchLoss } from './losses.ts';
import { type BatchSource, recordBatches } from './record-batches.ts';
import type { Rows } from './training-data.ts';

/** Mean over the batches, without dropout; undefined where there is none, and where the run is stopped before the end. */
export async function meanLoss(rows: Rows, source: BatchSource, stopped: () => boolean): Promise<number | undefined> {
  const { embedder, options } = source;
  let sum = 0;
  let count = 0;
  for await (const batch of recordBatches(rows, { ...source, options: { ...options, dropLast: false } })) {
    await setImmediate(); // lets a signal through, as the trainer does
    if (stopped()) return undefined;
    const loss = tf.tidy(() => batchLoss(embedder, batch, options));
    sum += (await loss.data())[0] as number;
    loss.dispose();
    count += 1;
  }
  return count > 0 ? sum / count : undefined;
}
