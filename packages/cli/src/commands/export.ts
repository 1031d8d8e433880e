/** uniem export: a model to a format that others open. */

import { BACKENDS } from '@uniem/core/names';
import { exportOptions } from '@uniem/export/options';
import { z } from 'zod';

import { defineCommand } from '../command.ts';

export const exportCommand = defineCommand({
  flags: z.strictObject({
    model: z.string().describe('model folder, or owner/name[@revision] of the hub'),
    ...exportOptions.shape,
    backend: z.enum(BACKENDS).default('auto').describe('engine that the exported files are compared with'),
  }),
  async run({ model, backend, ...options }) {
    const { useEngine } = await import('@uniem/core');
    const { exportModel } = await import('@uniem/export');
    const { printReport } = await import('../export-report.ts');
    await useEngine({ backend });
    printReport(await exportModel(model, options));
  },
});
