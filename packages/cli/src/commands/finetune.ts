/** uniem finetune: records and a model to a better model. */

import { join } from 'node:path';

import { POOLING_STRATEGIES } from '@uniem/core/names';
import { RECORD_TYPES } from '@uniem/data/names';
import { EXPORT_FORMATS } from '@uniem/export/options';
import type { Evaluation, FineTuner } from '@uniem/finetuner';
import { MODEL_TYPES } from '@uniem/finetuner/names';
import { finetuneOptions } from '@uniem/finetuner/options';
import { z } from 'zod';

import { defineCommand } from '../command.ts';
import { dataFlags, modelFlags } from '../data-flags.ts';

const flags = z.strictObject({
  config: z
    .string()
    .optional()
    .describe(
      'YAML or JSON file of these options in camelCase; flags win, and <output-dir>/run.json has what came of both',
    ),
  ...modelFlags,
  ...dataFlags,
  modelType: z.enum(MODEL_TYPES).optional().describe('found by the folder if left out'),
  recordType: z.enum(RECORD_TYPES).optional().describe('found by the fields if left out'),
  pooling: z.enum(POOLING_STRATEGIES).optional().describe('found by the folder if left out'),
  export: z
    .array(z.enum(EXPORT_FORMATS))
    .default([])
    .describe('format to write the finished model in as well, to <output-dir>/<format>; may be given several times'),
  ...finetuneOptions.shape,
});

export const finetune = defineCommand({
  flags,
  async run({ config: _, ...given }) {
    const { writeFileWhole } = await import('@uniem/core');
    const { hubNameOf } = await import('@uniem/data');
    const { FineTuner, mainMetric } = await import('@uniem/finetuner');
    const { openData } = await import('../training-data.ts');
    const { model, baseModel, modelType, recordType, pooling, onBadRecord } = given;
    const options = z.object(finetuneOptions.shape).parse(given);
    const dataset = await openData(given);
    const fineTuner = await FineTuner.fromPretrained(model, {
      dataset,
      baseModel,
      modelType,
      recordType,
      onBadRecord,
      poolingStrategy: pooling,
      datasets: given.data.flatMap((path) => hubNameOf(path)?.name ?? []),
      backend: options.backend,
    });
    process.stderr.write(`${detected(fineTuner)}\n`);
    const abort = new AbortController();
    process.once('SIGINT', () => {
      process.stderr.write('\nstopping after this step; press Ctrl-C again to quit at once\n');
      abort.abort(); // `once` has removed this handler: a second Ctrl-C ends the process
    });
    const result = await fineTuner.run(options, {
      signal: abort.signal,
      onStart: ({ resumedFrom }) => {
        writeFileWhole(join(options.outputDir, 'run.json'), `${JSON.stringify(given, null, 2)}\n`);
        if (resumedFrom > 0) process.stderr.write(`going on after step ${resumedFrom}\n`);
        else if (options.resume) process.stderr.write('no checkpoint yet: beginning at the first step\n');
      },
    });
    if (result.stopped) {
      process.stderr.write(
        `stopped after step ${result.steps}; metrics and model are written, and --resume goes on from here\n`,
      );
    }
    if (result.evaluation) process.stderr.write(`${told(result.evaluation, mainMetric(result.evaluation.task))}\n`);
    if (!result.stopped && given.export.length > 0) {
      const { exportModel } = await import('@uniem/export');
      const { printReport } = await import('../export-report.ts');
      for (const format of given.export) {
        printReport(await exportModel(fineTuner.embedder, { format, output: join(options.outputDir, format) }));
      }
    }
    process.stdout.write(`${result.modelFolder}\n`);
  },
});

/** What was found out about model and data, and why. */
function detected({ embedder, modelType, modelTypeReason, recordType }: FineTuner): string {
  const pooling = [embedder.poolingStrategy].flat().join(' and ');
  return [
    `model type ${modelType}: ${modelTypeReason}`,
    `pooling ${pooling}: ${embedder.poolingReason}`,
    `record type ${recordType}`,
  ].join('\n');
}

/** The measure that models are compared by, before and after. */
function told({ task, records, before, after }: Evaluation, metric: string): string {
  const shown = (value: number | undefined) => value?.toFixed(4) ?? 'unknown';
  return `${task} of ${records} validation records: ${metric} ${shown(before?.[metric])} before, ${shown(after[metric])} after`;
}
