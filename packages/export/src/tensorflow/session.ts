/** Runs a GraphModel in TF.js, where its converter is installed, on texts that are padded on one side. */

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import * as tf from '@tensorflow/tfjs-core';
import type { GraphModel } from '@tensorflow/tfjs-converter';

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

  /** On the engine in use. @param padding Which side of shorter texts is filled, with token 0. */
  async run(texts: readonly ArrayLike<number>[], padding: 'left' | 'right' = 'right'): Promise<GraphModelOutputs> {
    const S = Math.max(...texts.map(({ length }) => length));
    const ids = new Int32Array(texts.length * S);
    const mask = new Int32Array(ids.length);
    texts.forEach((text, b) => {
      const start = b * S + (padding === 'left' ? S - text.length : 0);
      ids.set(Array.from(text), start);
      mask.fill(1, start, start + text.length);
    });
    const filled: Record<string, Int32Array> = { input_ids: ids, attention_mask: mask };
    const [states, vectors] = tf.tidy(() => {
      const feeds: Record<string, tf.Tensor> = {};
      for (const { name } of this.#model.inputs) {
        feeds[name] = tf.tensor2d(filled[name] ?? new Int32Array(ids.length), [texts.length, S], 'int32');
      }
      return this.#model.execute(feeds, ['last_hidden_state', 'sentence_embedding']) as [tf.Tensor, tf.Tensor];
    });
    const read = async (tensor: tf.Tensor) => (await tensor.data()) as Float32Array;
    const result = { lastHiddenState: await read(states), sentenceEmbedding: await read(vectors), length: S };
    tf.dispose([states, vectors]);
    return result;
  }

  close(): void {
    this.#model.dispose();
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
