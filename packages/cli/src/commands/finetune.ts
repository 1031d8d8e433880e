/** uniem finetune: records and a model to a better model. */

import { POOLING_STRATEGIES } from '@uniem/core';
import { RECORD_TYPES } from '@uniem/data';
import { FineTuner, finetuneOptions, MODEL_TYPES } from '@uniem/finetuner';
import { z } from 'zod';

import { defineCommand } from '../command.ts';
import { dataFlags, openData } from '../training-data.ts';

const flags = z.strictObject({
  model: z.string().describe('model folder, or owner/name[@revision] of the hub'),
  ...dataFlags,
  modelType: z.enum(MODEL_TYPES).optional().describe('found by the folder if left out'),
  recordType: z.enum(RECORD_TYPES).optional().describe('found by the fields if left out'),
  pooling: z.enum(POOLING_STRATEGIES).optional().describe('found by the folder if left out'),
  ...finetuneOptions.shape,
});

export const finetune = defineCommand({
  summary: 'fine-tune a model on pairs, triplets or scored pairs',
  flags,
  async run({ model, data, split, evalData, testSize, rename, streaming, modelType, recordType, pooling, ...options }) {
    const { backend, seed } = options;
    const dataset = await openData({ data, split, evalData, testSize, rename, streaming, seed });
    const fineTuner = await FineTuner.fromPretrained(model, {
      dataset,
      modelType,
      recordType,
      poolingStrategy: pooling,
      backend,
    });
    process.stderr.write(`model type ${fineTuner.modelType}, record type ${fineTuner.recordType}\n`);
    const abort = new AbortController();
    process.once('SIGINT', () => {
      process.stderr.write('\nstopping after this step; press Ctrl-C again to quit at once\n');
      abort.abort(); // `once` has removed this handler: a second Ctrl-C ends the process
    });
    const result = await fineTuner.run(options, {
      signal: abort.signal,
      onStart: ({ resumedFrom }) => {
        if (resumedFrom > 0) process.stderr.write(`going on after step ${resumedFrom}\n`);
        else if (options.resume) process.stderr.write('no checkpoint yet: beginning at the first step\n');
      },
    });
    if (result.stopped) {
      process.stderr.write(
        `stopped after step ${result.steps}; metrics and model are written, and --resume goes on from here\n`,
      );
    }
    process.stdout.write(`${result.modelFolder}\n`);
  },
});
