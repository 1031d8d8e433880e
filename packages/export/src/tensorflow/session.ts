/** Runs a GraphModel in TF.js, where its converter is installed, on texts that are padded on one side. */

import { readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

import '@tensorflow/tfjs-backend-cpu'; // registers itself
import type { GraphModel as AnyGraphModel } from '@tensorflow/tfjs-converter';
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

type GraphModel = AnyGraphModel<tf.io.IOHandlerSync>;

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
  static open({ loadGraphModelSync }: Converter, path: string): GraphModelSession {
    const artifacts = readArtifacts(path);
    return new GraphModelSession(onCpu(() => loadGraphModelSync({ load: () => artifacts })));
  }

  /** On TF.js's own cpu engine. @param padding Which side of shorter texts is filled, with token 0. */
  async run(texts: readonly ArrayLike<number>[], padding: 'left' | 'right' = 'right'): Promise<GraphModelOutputs> {
    const { shape, values } = padBatch(texts, padding);
    const filled: Record<string, Int32Array> = values;
    const compute = () => {
      const feeds: Record<string, tf.Tensor> = {};
      for (const { name } of this.#model.inputs) {
        feeds[name] = tf.tensor2d(filled[name] ?? new Int32Array(shape[0] * shape[1]), shape, 'int32');
      }
      return this.#model.execute(feeds, ['last_hidden_state', 'sentence_embedding']) as [tf.Tensor, tf.Tensor];
    };
    const [states, vectors] = onCpu(() => tf.tidy(compute));
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
function onCpu<T>(run: () => T): T {
  const before = tf.getBackend();
  void tf.setBackend('cpu');
  try {
    return run();
  } finally {
    void tf.setBackend(before);
  }
}

/** Node has no handler of TF.js's own for files. */
function readArtifacts(path: string): tf.io.ModelArtifacts {
  const json = JSON.parse(readFileSync(path, 'utf8')) as tf.io.ModelJSON;
  const files = json.weightsManifest.flatMap(({ paths }) => paths.map((name) => join(dirname(path), name)));
  const bytes = new Uint8Array(files.reduce((sum, file) => sum + statSync(file).size, 0));
  let offset = 0;
  for (const file of files) {
    const shard = readFileSync(file);
    bytes.set(shard, offset);
    offset += shard.length;
  }
  const specs = json.weightsManifest.flatMap(({ weights }) => weights);
  return tf.io.getModelArtifactsForJSONSync(json, specs, bytes.buffer);
}
