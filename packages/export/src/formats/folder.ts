/** The folder of one of the two Python libraries: a model of sentence-transformers, or a plain encoder of transformers. */

import { statSync } from 'node:fs';
import { join } from 'node:path';

import * as tf from '@tensorflow/tfjs-core';
import { Embedder, ModelError, packTokens, STATIC_EMBEDDING } from '@uniem/core';

import type { WriteFormat } from '../export-model.ts';
import { referenceVectors, requireCosine } from '../self-check.ts';

/** What is read back was written as float32: nothing is lost. */
const LEAST = 0.999999;

export const exportFolder: WriteFormat = async (embedder, folder, { format, check }) => {
  const modules = format === 'sentence-transformers';
  if (modules && !embedder.opensInSentenceTransformers) {
    throw new ModelError(
      `sentence-transformers has no pooling ${[embedder.poolingStrategy].flat().join(' and ')}`,
      embedder.folder,
      'use --format onnx, which has the pooling inside, or transformers',
    );
  }
  if (!modules && embedder.config.modelType === STATIC_EMBEDDING) {
    throw new ModelError(
      'a StaticEmbedding is no model of transformers',
      embedder.folder,
      'use --format sentence-transformers',
    );
  }
  await embedder.write(folder, { encoderWeights: true, modules });
  const cosine = check ? await readBack(embedder, folder, modules) : undefined;
  const bytes = statSync(join(folder, 'model.safetensors')).size;
  const lost = [
    ...(embedder.hasHead ? ['Dense modules'] : []),
    ...(embedder.normalize ? ['normalization'] : []),
    ...(Object.keys(embedder.prompts).length > 0 ? ['prompts'] : []),
  ];
  const notes = modules
    ? []
    : [`the folder is a plain encoder: ${['pooling', ...lost].join(', ')} are left to the caller`];
  return { files: [{ path: 'model.safetensors', bytes, cosine }], notes };
};

/** Opens what was written and compares vectors; of a plain encoder, the state of each token. */
async function readBack(embedder: Embedder, folder: string, modules: boolean): Promise<number> {
  const opened = await Embedder.fromPretrained(folder, modules ? {} : { encoderOnly: true });
  const { ids } = await referenceVectors(embedder);
  const batch = packTokens(ids);
  const rows = async (of: Embedder) => {
    const result = tf.tidy(() => of.outputs(batch)[modules ? 'sentenceEmbedding' : 'lastHiddenState']);
    const values = (await result.data()) as Float32Array;
    result.dispose();
    return { values, width: result.shape[1] };
  };
  try {
    const [{ values: actual }, { values: expected, width }] = [await rows(opened), await rows(embedder)];
    const vectors = Array.from({ length: expected.length / width }, (_, i) =>
      expected.subarray(i * width, (i + 1) * width),
    );
    return requireCosine(actual, vectors, LEAST, 'model.safetensors');
  } finally {
    opened.dispose();
  }
}
