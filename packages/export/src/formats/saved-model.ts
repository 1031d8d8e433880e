/** The folder that `tf.saved_model.load` and TensorFlow Serving open, with the tokenizer beside the graph. */

import { statSync } from 'node:fs';
import { join } from 'node:path';

import type { Embedder } from '@uniem/core';

import type { WriteFormat } from '../export-model.ts';
import type { Graph } from '../graph.ts';
import { readParameter } from '../parameters.ts';
import { referenceVectors, requireCosine } from '../self-check.ts';
import { writeSavedModel } from '../tensorflow/saved-model.ts';
import { runSavedModel } from '../tensorflow/saved-model-session.ts';
import { traceModel } from '../trace/trace.ts';
import { callerNotes, writeTokenizer } from './around.ts';

const FILE = 'saved_model.pb';
const LEAST = 0.99999;

export const exportSavedModel: WriteFormat = async (embedder, folder, { check }) => {
  const graph = traceModel(embedder);
  await writeSavedModel(folder, graph, readParameter(embedder));
  await embedder.write(folder, { encoderWeights: false, modules: false });
  writeTokenizer(embedder, folder);
  const { cosine, note } = check ? await checkModel(embedder, folder, graph) : {};
  const { size: bytes } = statSync(join(folder, FILE));
  return { files: [{ path: FILE, bytes, cosine }], notes: [...(note ? [note] : []), ...callerNotes(embedder)] };
};

async function checkModel(
  embedder: Embedder,
  folder: string,
  { inputs }: Graph,
): Promise<{ cosine?: number; note?: string }> {
  const { ids, vectors } = await referenceVectors(embedder);
  const names = inputs.map(({ name }) => name);
  const found: number[] = [];
  for (const side of ['left', 'right'] as const) {
    const actual = await runSavedModel(folder, names, ids, side);
    if (!actual)
      return { note: 'the SavedModel was not run: engine tensorflow is not set up (uniem setup tensorflow)' };
    found.push(requireCosine(actual, vectors, LEAST, FILE));
  }
  return { cosine: Math.min(...found) };
}
