/** Runs a SavedModel in libtensorflow, where engine tensorflow is set up. */

import * as tf from '@tensorflow/tfjs-core';
import { useEngine } from '@uniem/core';

import { padBatch } from './pad.ts';

/** What is used of tfjs-node's backend. */
interface SavedModelRunner {
  loadSavedModelMetaGraph(path: string, tags: string): number;
  runSavedModel(id: number, inputs: tf.Tensor[], infos: { name: string }[], outputs: string[]): tf.Tensor[];
  deleteSavedModel(id: number): void;
}

/**
 * The vectors of texts: sentence_embedding, float32 [B, values].
 *
 * @param inputs The names that the graph has.
 * @param padding Which side of shorter texts is filled, with token 0.
 * @returns undefined where the engine is not set up.
 */
export async function runSavedModel(
  folder: string,
  inputs: readonly string[],
  texts: readonly ArrayLike<number>[],
  padding: 'left' | 'right',
): Promise<Float32Array | undefined> {
  const before = tf.getBackend();
  try {
    await useEngine({ backend: 'tensorflow' });
  } catch (error) {
    if ((error as Error).name !== 'TensorflowError') throw error;
    await tf.setBackend(before);
    return undefined;
  }
  const runner = tf.backend() as unknown as SavedModelRunner;
  const id = runner.loadSavedModelMetaGraph(folder, 'serve');
  try {
    const { shape, values } = padBatch(texts, padding);
    const [vectors] = tf.tidy(() => {
      const filled: Record<string, Int32Array> = values;
      const none = new Int32Array(shape[0] * shape[1]);
      const tensors = inputs.map((name) => tf.tensor2d(filled[name] ?? none, shape, 'int32'));
      const infos = inputs.map((name) => ({ name: `${name}:0` }));
      return runner.runSavedModel(id, tensors, infos, ['sentence_embedding:0']);
    }) as [tf.Tensor];
    const result = (await vectors.data()) as Float32Array;
    vectors.dispose();
    return result;
  } finally {
    runner.deleteSavedModel(id);
    await tf.setBackend(before);
  }
}
