/** uniem export: a model to a format that others open. */

import { BACKENDS, useEngine } from '@uniem/core';
import { type ExportReport, exportModel, exportOptions } from '@uniem/export';
import { z } from 'zod';

import { defineCommand } from '../command.ts';

export const exportCommand = defineCommand({
  summary: 'write a model for other libraries: ONNX, TF.js, TensorFlow, sentence-transformers, transformers',
  flags: z.strictObject({
    model: z.string().describe('model folder, or owner/name[@revision] of the hub'),
    ...exportOptions.shape,
    backend: z.enum(BACKENDS).default('auto').describe('engine that the exported files are compared with'),
  }),
  async run({ model, backend, ...options }) {
    await useEngine({ backend });
    printReport(await exportModel(model, options));
  },
});

/** What was written, and what of it was checked; the folder itself is what other programs read. */
export function printReport({ folder, files, notes }: ExportReport): void {
  for (const { path, bytes, cosine } of files) {
    const checked = cosine === undefined ? '' : `  least cosine ${cosine.toFixed(6)}`;
    process.stderr.write(`${path.padEnd(38)} ${(bytes / 1e6).toFixed(1).padStart(8)} MB${checked}\n`);
  }
  for (const note of notes) process.stderr.write(`note: ${note}\n`);
  process.stdout.write(`${folder}\n`);
}
