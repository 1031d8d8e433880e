/** uniem compare: local and hosted models side by side on one task. */

import type { Embedder } from '@uniem/core';
import { BACKENDS, PRECISIONS } from '@uniem/core/names';
import { TASKS } from '@uniem/finetuner/names';
import { localProvider } from '@uniem/providers';
import { z } from 'zod';

import { defineCommand } from '../command.ts';
import { comparisonHtml, comparisonTable } from '../comparison/report.ts';
import { type Comparison, failedRow, rowOf } from '../comparison/row.ts';
import { parseModel } from '../comparison/spec.ts';
import { columnFlags, readingFlags } from '../data-flags.ts';
import { openHosted, requestFlags } from '../provider-flags.ts';

export const compare = defineCommand({
  flags: z.strictObject({
    model: z
      .array(z.string())
      .min(1)
      .describe(
        'model folder or hub name; or openai:text-embedding-3-small, zhipu:…, qianfan:…, spark:spark-embedding, compatible:<model>@<base URL>; may be given several times',
      ),
    data: z.string().describe('records of one task: a file, a folder with train and test or of BEIR, or of the hub'),
    task: z.enum(TASKS).optional().describe("found by the fields of --data's records if left out"),
    split: z.string().optional().describe('split to measure on; test, validation or dev if left out'),
    ...readingFlags,
    rename: columnFlags.rename,
    prefix: columnFlags.prefix,
    swap: z.boolean().default(false).describe('text and text_pos change places: text finds text_pos'),
    output: z
      .string()
      .regex(/\.(html|json)$/, 'must end in .html or .json')
      .optional()
      .describe('also write the comparison to this .html or .json file'),
    precision: z.enum(PRECISIONS).default('fp32').describe('arithmetic of matrix products of local models'),
    backend: z.enum(BACKENDS).default('auto').describe('engine for local models'),
    ...requestFlags,
  }),
  async run({ model: models, data, task, split, rename, prefix, swap, output, precision, backend, ...rest }) {
    const { columns, delimiter, encoding, field, labelMap, ...request } = rest;
    const reading = { columns, delimiter, encoding, field, labelMap };
    const { Embedder, useEngine, writeFileWhole } = await import('@uniem/core');
    const { mainMetric } = await import('@uniem/finetuner');
    const { measure, readTask } = await import('../evaluation.ts');
    const { requireFolderOf } = await import('../files.ts');
    const { ProviderEncoder } = await import('../provider-encoder.ts');
    const { DatasetLoader } = await import('../reading.ts');
    if (output) requireFolderOf(output);
    // Keys and addresses are looked at before anything is paid for.
    const opened = models.map(parseModel).map((spec) => ({
      spec,
      hosted: spec.provider && openHosted(spec.provider, spec.model, spec.baseUrl, request),
    }));
    const loader = new DatasetLoader(reading, rename);
    const records = await readTask(data, { task, split, rename, prefix, swap, ...reading }, loader);
    loader.requireAllUsed();
    if (opened.some(({ hosted }) => !hosted)) await useEngine({ backend });
    const rows: Comparison['rows'] = [];
    let measuredTask = task;
    let count = 0;
    for (const { spec, hosted } of opened) {
      process.stderr.write(`${spec.name} …\n`);
      let embedder: Embedder | undefined;
      try {
        embedder = hosted ? undefined : await Embedder.fromPretrained(spec.model, { precision });
        const encoder = new ProviderEncoder(hosted ?? localProvider(spec.model, embedder as Embedder));
        const measured = await measure(encoder, records, { progressBar: 'auto' }, task);
        measuredTask = measured.task;
        count = measured.records;
        rows.push(rowOf(spec, encoder, measured));
      } catch (error) {
        // What the other models have cost must not be lost with one of them.
        process.stderr.write(`${(error as Error).name}: ${(error as Error).message}\n`);
        process.exitCode = 1;
        rows.push(failedRow(spec, error as Error));
      } finally {
        embedder?.dispose();
      }
    }
    const metric = measuredTask === undefined ? undefined : mainMetric(measuredTask);
    const comparison: Comparison = { data, task: measuredTask, metric, records: count, rows };
    if (output) {
      const json = `${JSON.stringify(comparison, null, 2)}\n`;
      writeFileWhole(output, output.endsWith('.json') ? json : comparisonHtml(comparison));
    }
    process.stdout.write(comparisonTable(comparison));
  },
});
