/** Runs a GraphModel in TF.js, where its converter is installed, on texts that are padded on one side. */

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import '@tensorflow/tfjs-backend-cpu'; // registers itself
import type { GraphModel } from '@tensorflow/tfjs-converter';
import * as tf from '@tensorflow/tfjs-core';

import { padBatch } from './pad.ts';

/** Only its reader is used; the package is not needed to write a model. */
type Converter = typeof import('@tensorflow/tfjs-converter');

/** @returns undefined where the package is not installed. */
export async function loadConverter(): Promise<Converter | undefined> {
  try {
    const loaded = (await import('@tensorflow/tfjs-converter')) as Converter & { default?: Converter };
    return loaded.default ?? loaded;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND') return undefined;
    throw cause;
  }
}

/** Both float32, row-major. */
export interface GraphModelOutputs {
  /** [B, S, H] */
  lastHiddenState: Float32Array;
  /** [B, values] */
  sentenceEmbedding: Float32Array;
  /** S */
  length: number;
}

export class GraphModelSession {
  readonly #model: GraphModel;

  private constructor(model: GraphModel) {
    this.#model = model;
  }

  /** @param path That of model.json. */
  static async open({ loadGraphModel }: Converter, path: string): Promise<GraphModelSession> {
    return new GraphModelSession(await loadGraphModel(fileHandler(path)));
  }

  /** On TF.js's own cpu engine. @param padding Which side of shorter texts is filled, with token 0. */
  async run(texts: readonly ArrayLike<number>[], padding: 'left' | 'right' = 'right'): Promise<GraphModelOutputs> {
    const { shape, values } = padBatch(texts, padding);
    const filled: Record<string, Int32Array> = values;
    const [states, vectors] = onCpu(() => {
      const feeds: Record<string, tf.Tensor> = {};
      for (const { name } of this.#model.inputs) {
        feeds[name] = tf.tensor2d(filled[name] ?? new Int32Array(shape[0] * shape[1]), shape, 'int32');
      }
      return this.#model.execute(feeds, ['last_hidden_state', 'sentence_embedding']) as [tf.Tensor, tf.Tensor];
    });
    const read = async (tensor: tf.Tensor) => (await tensor.data()) as Float32Array;
    const result = { lastHiddenState: await read(states), sentenceEmbedding: await read(vectors), length: shape[1] };
    tf.dispose([states, vectors]);
    return result;
  }

  close(): void {
    this.#model.dispose();
  }
}

/** Without an await in between: nothing else runs while the engine is this one. */
function onCpu<T extends tf.TensorContainer>(run: () => T): T {
  const before = tf.getBackend();
  void tf.setBackend('cpu');
  try {
    return tf.tidy(run);
  } finally {
    void tf.setBackend(before);
  }
}

/** Node has no `file:` handler of TF.js's own. */
function fileHandler(path: string): tf.io.IOHandler {
  return {
    load: async () => {
      const json = JSON.parse(readFileSync(path, 'utf8')) as tf.io.ModelJSON;
      return tf.io.getModelArtifactsForJSON(json, async (manifest) => {
        const shards = manifest.flatMap(({ paths }) => paths.map((name) => readFileSync(join(dirname(path), name))));
        return [manifest.flatMap(({ weights }) => weights), new Uint8Array(Buffer.concat(shards)).buffer];
      });
    },
  };
}
