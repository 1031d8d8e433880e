/** The folder that `tf.loadGraphModel` and @uniem/browser open: a GraphModel and the tokenizer. */

import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { type Embedder, STATIC_EMBEDDING } from '@uniem/core';

import type { WriteFormat } from '../export-model.ts';
import type { GraphModelWeights } from '../options.ts';
import { readParameter } from '../parameters.ts';
import { referenceVectors, requireCosine } from '../self-check.ts';
import { writeGraphModel } from '../tensorflow/graph-model.ts';
import { GraphModelSession, loadConverter } from '../tensorflow/session.ts';
import { traceModel } from '../trace/trace.ts';
import { callerNotes } from './around.ts';

/** The least cosine that a text's vector may have to this library's. */
const LEAST: Record<GraphModelWeights, number> = { float32: 0.99999, float16: 0.999, uint8: 0.95 };

/** Tokens of a text that is checked: TF.js's cpu engine is slow. */
const SHORT = 16;

export const exportTfjs: WriteFormat = async (embedder, folder, { weights, check }) => {
  const options = { weights, metadata: { uniem: settingsOf(embedder) } };
  const names = await writeGraphModel(folder, traceModel(embedder), readParameter(embedder), options);
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(embedder.tokenizer.toJson()));
  const { cosine, note } = check ? await checkModel(embedder, folder, LEAST[weights]) : {};
  const [json, ...shards] = names.map((name) => ({ path: name, bytes: statSync(join(folder, name)).size }));
  const bytes = shards.reduce((sum, shard) => sum + shard.bytes, 0);
  const first = (shards[0] as { path: string }).path;
  const path = shards.length === 1 ? first : `${first} … shard${shards.length}`;
  return {
    files: [
      { path: (json as { path: string }).path, bytes: (json as { bytes: number }).bytes, cosine },
      { path, bytes, cosine: undefined },
    ],
    notes: [...(note ? [note] : []), ...callerNotes(embedder)],
  };
};

/** Read by packages/browser/src/settings.ts. */
function settingsOf(embedder: Embedder) {
  const { dimension, truncateDim = dimension, maxLength, normalize, prompts, defaultPromptName } = embedder;
  return {
    dimension: Math.min(dimension, truncateDim),
    maxLength: Number.isFinite(maxLength) ? maxLength : null, // JSON has no Infinity
    normalize,
    prompts,
    defaultPromptName,
    poolsPrompt: embedder.poolsPrompt,
    lowerCase: embedder.lowerCase,
    addSpecialTokens: embedder.config.modelType !== STATIC_EMBEDDING,
  };
}

async function checkModel(
  embedder: Embedder,
  folder: string,
  least: number,
): Promise<{ cosine?: number; note?: string }> {
  const converter = await loadConverter();
  if (!converter) {
    const missing = '@tensorflow/tfjs-converter is not installed (npm install @tensorflow/tfjs-converter)';
    return { note: `the GraphModel was not run: ${missing}` };
  }
  const { ids, vectors } = await referenceVectors(embedder);
  const short = [...ids.keys()].filter((i) => (ids[i] as Int32Array).length <= SHORT);
  const [shortIds, expected] = [ids, vectors].map((all) => short.map((i) => all[i])) as [Int32Array[], Float32Array[]];
  const session = GraphModelSession.open(converter, join(folder, 'model.json'));
  try {
    const found: number[] = [];
    for (const side of ['left', 'right'] as const) {
      const { sentenceEmbedding } = await session.run(shortIds, side);
      found.push(requireCosine(sentenceEmbedding, expected, least, 'model.json'));
    }
    return { cosine: Math.min(...found) };
  } finally {
    session.close();
  }
}
