/** Writes a model in another format; the folder appears whole, and only when what is in it was found to be right. */

import { existsSync, realpathSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';

import { Embedder, type EmbedderOptions, OptionError, writeFolderWhole } from '@uniem/core';

import { exportFolder } from './formats/folder.ts';
import { exportOnnx } from './formats/onnx.ts';
import { exportSavedModel } from './formats/saved-model.ts';
import { exportTfjs } from './formats/tfjs.ts';
import { type ExportFormat, type ExportOptions, exportOptions, type ResolvedExportOptions } from './options.ts';

/** A file or folder that was written. */
export interface ExportedFile {
  /** Relative to the export's folder. */
  path: string;
  bytes: number;
  /** The least cosine of a text's vector to this library's; undefined where it was not checked. */
  cosine: number | undefined;
}

export interface ExportReport {
  folder: string;
  files: ExportedFile[];
  /** What a user should know: what was not checked and why, what the format has no place for. */
  notes: string[];
}

/** Fills a folder that is there; throws where what was written is not right. */
export type WriteFormat = (
  embedder: Embedder,
  folder: string,
  options: ResolvedExportOptions,
) => Promise<Omit<ExportReport, 'folder'>>;

const WRITERS: Record<ExportFormat, WriteFormat> = {
  onnx: exportOnnx,
  tfjs: exportTfjs,
  'saved-model': exportSavedModel,
  'sentence-transformers': exportFolder,
  transformers: exportFolder,
};

/** A file by which a folder is known to hold an earlier export; left out, those of any model folder. */
const MARKS: Partial<Record<ExportFormat, readonly string[]>> = {
  tfjs: ['model.json'],
  'saved-model': ['saved_model.pb'],
};

/**
 * Exports a model.
 *
 * @param model A model, or what `Embedder.fromPretrained` opens.
 * @throws OptionError for a folder that is in use, ModelError for a model that the format has no place for, and for an
 *   export whose vectors are not the model's; in all cases nothing is left behind.
 */
export async function exportModel(
  model: Embedder | string,
  options: ExportOptions,
  opening: EmbedderOptions = {},
): Promise<ExportReport> {
  const parsed = exportOptions.safeParse(options);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new OptionError(`${issue?.message}`, String(issue?.path[0]), 'see the options of exportModel');
  }
  const resolved = parsed.data;
  refuseOfOtherFormat(resolved);
  if (typeof model === 'string') refuseInUse(resolved.output, model, resolved.format);
  const embedder = typeof model === 'string' ? await Embedder.fromPretrained(model, opening) : model;
  try {
    refuseInUse(resolved.output, embedder.folder, resolved.format);
    let report: Omit<ExportReport, 'folder'> | undefined;
    await writeFolderWhole(
      resolved.output,
      async (folder) => {
        report = await WRITERS[resolved.format](embedder, folder, resolved);
      },
      MARKS[resolved.format],
    );
    return { folder: resolved.output, ...(report as Omit<ExportReport, 'folder'>) };
  } finally {
    if (embedder !== model) embedder.dispose();
  }
}

/** @throws OptionError for an option that only another format has; its default is what is taken for left out. */
function refuseOfOtherFormat(options: ResolvedExportOptions): void {
  const { precision, weights } = exportOptions.shape;
  const refuse = (name: 'precision' | 'weights', format: ExportFormat, byDefault: unknown) => {
    if (options.format === format || String(options[name]) === String(byDefault)) return;
    throw new OptionError(
      `${options[name]} is for format ${format} (received format ${options.format})`,
      name,
      'leave it out',
    );
  };
  refuse('precision', 'onnx', precision.parse(undefined));
  refuse('weights', 'tfjs', weights.parse(undefined));
}

const WEIGHTS = [
  'model.safetensors',
  'model.safetensors.index.json',
  'pytorch_model.bin',
  'pytorch_model.bin.index.json',
];

/** @throws OptionError for a folder whose weights would be lost: the exported model's own, or one of other weights. */
function refuseInUse(output: string, model: string, format: ExportFormat): void {
  const real = (path: string) => (existsSync(path) ? realpathSync(path) : resolve(path));
  const isOwn = `${real(model)}${sep}`.startsWith(`${real(output)}${sep}`);
  const found = !format.endsWith('transformers') ? WEIGHTS.find((name) => existsSync(join(output, name))) : undefined;
  if (!isOwn && found === undefined) return;
  throw new OptionError(
    isOwn ? 'the folder holds the model that is exported' : `the folder holds a model's weights (${found})`,
    output,
    'give a new folder, or one that holds an earlier export',
  );
}
