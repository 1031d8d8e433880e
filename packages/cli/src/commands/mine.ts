/** uniem mine: pairs to triplets with hard negatives. */

import { BACKENDS, PRECISIONS } from '@uniem/core/names';
import type { Pair, Row } from '@uniem/data';
import { z } from 'zod';

import { defineCommand } from '../command.ts';
import { columnFlags, modelFlags } from '../data-flags.ts';

export const mine = defineCommand({
  flags: z.strictObject({
    ...modelFlags,
    data: z.string().describe('pairs: a file, folder or pattern, or owner/name[:configuration] of the hub'),
    output: z
      .string()
      .regex(/\.jsonl$/, 'must end in .jsonl')
      .describe('.jsonl file of triplets'),
    split: z.string().default('train').describe('split to mine'),
    rename: columnFlags.rename,
    numNegatives: z.int().positive().default(3).describe('negatives of a pair'),
    rangeMin: z.int().nonnegative().default(0).describe('nearest candidates that are passed over'),
    rangeMax: z
      .int()
      .positive()
      .optional()
      .describe('candidates that are looked at; as many as are needed if left out'),
    maxScore: z.number().optional().describe('highest cosine of a negative'),
    minScore: z.number().optional().describe('lowest cosine of a negative'),
    margin: z.number().optional().describe("how far a negative's cosine stays below the positive's"),
    relativeMargin: z.number().optional().describe("the same as a share of the positive's"),
    sampling: z.enum(['top', 'random']).default('top').describe('the nearest of the range, or any'),
    seed: z.int().nonnegative().default(42).describe('of random sampling'),
    precision: z.enum(PRECISIONS).default('fp32').describe('arithmetic of matrix products'),
    backend: z.enum(BACKENDS).default('auto').describe('engine to run on'),
  }),
  async run({ model, baseModel, data, output, split, rename, precision, backend, ...options }) {
    const { Embedder, useEngine, writeFileWhole } = await import('@uniem/core');
    const { loadDataset, validateRecord } = await import('@uniem/data');
    const { mineHardNegatives } = await import('@uniem/finetuner');
    const { withColumns } = await import('../columns.ts');
    const { requireFolderOf } = await import('../files.ts');
    requireFolderOf(output);
    const rows: Row[] = [...withColumns(await loadDataset(data, { split }), { rename })];
    const pairs = rows.map((row): Pair => validateRecord(row, 'pair'));
    await useEngine({ backend });
    const embedder = await Embedder.fromPretrained(model, { baseModel, precision });
    const mined = await mineHardNegatives(embedder, pairs, options);
    writeFileWhole(output, mined.map((triplet) => `${JSON.stringify(triplet)}\n`).join(''));
    process.stderr.write(`${mined.length} triplets of ${pairs.length} pairs\n`);
    process.stdout.write(`${output}\n`);
  },
});
