/** uniem encode: texts to vectors in a file. */

import { BACKENDS, Embedder, POOLING_STRATEGIES, PRECISIONS, useEngine } from '@uniem/core';
import { z } from 'zod';

import { defineCommand } from '../command.ts';
import { readTexts, requireFolderOf, writeVectors } from '../files.ts';
import { textFlags } from '../text-flags.ts';

export const encode = defineCommand({
  summary: 'write the embeddings of texts to a file',
  flags: z.strictObject({
    model: z.string().describe('model folder, or owner/name[@revision] of the hub'),
    ...textFlags,
    prompt: z
      .string()
      .optional()
      .describe('put before each text, as "query: " of E5; the model\'s default if left out'),
    promptName: z.string().optional().describe("the name of one of the model's own prompts"),
    pooling: z.enum(POOLING_STRATEGIES).optional().describe('found by the folder if left out'),
    normalize: z.boolean().default(true).describe('divide each embedding by its length'),
    truncateDim: z.int().positive().optional().describe('leading values that are kept, as of a Matryoshka model'),
    batchSize: z.int().positive().default(32).describe('texts a batch; short ones are more'),
    maxLength: z.int().positive().optional().describe('tokens a text, cut at the end'),
    precision: z.enum(PRECISIONS).default('fp32').describe('arithmetic of matrix products'),
    backend: z.enum(BACKENDS).default('auto').describe('engine to run on'),
  }),
  async run({ model, input, column, split, output, pooling, backend, precision, ...options }) {
    requireFolderOf(output);
    const texts = await readTexts(input, { column, split });
    await useEngine({ backend });
    const embedder = await Embedder.fromPretrained(model, { poolingStrategy: pooling, precision });
    await writeVectors(output, await embedder.encode(texts, options));
    process.stdout.write(`${output}\n`);
  },
});
