/** The folder that onnxruntime, transformers.js, Optimum and sentence-transformers' `backend="onnx"` open. */

import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { type Embedder, ModelError, STATIC_EMBEDDING } from '@uniem/core';

import type { ExportedFile, WriteFormat } from '../export-model.ts';
import type { OnnxPrecision } from '../onnx/emitter.ts';
import { toOnnx } from '../onnx/lower.ts';
import { writeOnnx } from '../onnx/model.ts';
import { loadRuntime, OnnxSession } from '../onnx/session.ts';
import { ONNX_PRECISIONS } from '../options.ts';
import { readParameter } from '../parameters.ts';
import { referenceVectors, requireCosine } from '../self-check.ts';
import { traceModel } from '../trace/trace.ts';
import { callerNotes, writeTokenizer } from './around.ts';

interface OnnxFile {
  /** In the folder `onnx`; transformers.js finds a file by what follows `model`. */
  name: string;
  precision: OnnxPrecision;
  /** The least cosine that a text's vector may have to this library's. */
  least: number;
}

export const ONNX_FILES: Record<(typeof ONNX_PRECISIONS)[number], OnnxFile> = {
  fp32: { name: 'model.onnx', precision: 'fp32', least: 0.99999 },
  fp16: { name: 'model_fp16.onnx', precision: 'fp16', least: 0.999 },
  int8: { name: 'model_quantized.onnx', precision: 'int7', least: 0.95 },
  'int8-vnni': { name: 'model_qint8_avx512_vnni.onnx', precision: 'int8', least: 0.95 },
};

export const exportOnnx: WriteFormat = async (embedder, folder, { precision, check }) => {
  requireConfig(embedder);
  await embedder.write(folder, { encoderWeights: false, modules: true });
  writeTokenizer(embedder, folder);
  const graph = traceModel(embedder);
  const read = readParameter(embedder);
  const target = join(folder, 'onnx');
  mkdirSync(target);
  const written = ONNX_PRECISIONS.filter((name) => precision.includes(name)).map((name) => ONNX_FILES[name]);
  const metadata = {
    model_type: embedder.config.modelType,
    pooling: [embedder.poolingStrategy].flat().join(', '),
    normalize: String(embedder.normalize),
  };
  const external: string[] = [];
  for (const { name, precision: stored } of written) {
    const isExternal = await writeOnnx(join(target, name), await toOnnx(graph, stored, read, metadata));
    if (isExternal) external.push(name);
  }
  if (external.length > 0) nameExternalData(folder, external);
  const { cosines, note } = check ? await checkFiles(embedder, target, written) : { cosines: [], note: undefined };
  const files = written.flatMap(({ name }, i): ExportedFile[] => {
    const sizes = [name, ...(external.includes(name) ? [`${name}_data`] : [])];
    return sizes.map((file) => ({
      path: `onnx/${file}`,
      bytes: statSync(join(target, file)).size,
      cosine: file === name ? cosines[i] : undefined,
    }));
  });
  return { files, notes: [...(note ? [note] : []), ...callerNotes(embedder)] };
};

/** @throws ModelError for a model without the file by which readers choose what to do. */
function requireConfig({ config, folder }: Embedder): void {
  if (config.modelType !== STATIC_EMBEDDING) return;
  throw new ModelError(
    'a StaticEmbedding has no config.json, by which readers of ONNX folders choose a class',
    folder,
    'use --format sentence-transformers',
  );
}

/** Says in config.json which files have their weights beside them: transformers.js does not look. */
function nameExternalData(folder: string, names: readonly string[]): void {
  const path = join(folder, 'config.json');
  const config = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
  const format = Object.fromEntries(names.map((name) => [name, true]));
  config['transformers.js_config'] = { use_external_data_format: format };
  writeFileSync(path, `${JSON.stringify(config, null, 2)}\n`);
}

async function checkFiles(
  embedder: Embedder,
  target: string,
  written: readonly OnnxFile[],
): Promise<{ cosines: number[]; note: string | undefined }> {
  const runtime = await loadRuntime();
  if (!runtime) {
    const note = 'the ONNX files were not run: onnxruntime-node is not installed (npm install onnxruntime-node)';
    return { cosines: [], note };
  }
  const { ids, vectors } = await referenceVectors(embedder);
  const cosines: number[] = [];
  for (const { name, least } of written) {
    const session = await OnnxSession.open(runtime, join(target, name));
    try {
      const sides = ['left', 'right'] as const;
      const found: number[] = [];
      for (const side of sides) {
        const { sentenceEmbedding } = await session.run(ids, side);
        found.push(requireCosine(sentenceEmbedding, vectors, least, `onnx/${name}`));
      }
      cosines.push(Math.min(...found));
    } finally {
      await session.close();
    }
  }
  return { cosines, note: undefined };
}
