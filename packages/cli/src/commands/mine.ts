/** uniem mine: pairs to triplets with hard negatives. */

import { BACKENDS, Embedder, PRECISIONS, useEngine, writeFileWhole } from '@uniem/core';
import { type Dataset, type Pair, type Row, validateRecord } from '@uniem/data';
import { mineHardNegatives } from '@uniem/finetuner';
import { z } from 'zod';

import { columnFlags, withColumns } from '../columns.ts';
import { defineCommand } from '../command.ts';
import { requireFolderOf } from '../files.ts';
import { DatasetLoader, readingFlags } from '../reading.ts';

export const mine = defineCommand({
  summary: 'find hard negatives: pairs to triplets, for another round of training',
  flags: z.strictObject({
    model: z.string().describe('model folder, or owner/name[@revision] of the hub'),
    data: z.string().describe('pairs: a file, folder or pattern, or owner/name[:configuration] of the hub'),
    output: z
      .string()
      .regex(/\.jsonl$/, 'must end in .jsonl')
      .describe('.jsonl file of triplets'),
    split: z.string().default('train').describe('split to mine'),
    columns: readingFlags.columns,
    delimiter: readingFlags.delimiter,
    encoding: readingFlags.encoding,
    field: readingFlags.field,
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
  async run({
    model,
    data,
    output,
    split,
    rename,
    columns,
    delimiter,
    encoding,
    field,
    precision,
    backend,
    ...options
  }) {
    requireFolderOf(output);
    const loader = new DatasetLoader({ columns, delimiter, encoding, field });
    const loaded = (await loader.load(data, { split })) as Dataset;
    loader.requireAllUsed();
    const rows: Row[] = [...withColumns(loaded, { rename })];
    const pairs = rows.map((row): Pair => validateRecord(row, 'pair'));
    await useEngine({ backend, precision });
    const mined = await mineHardNegatives(await Embedder.fromPretrained(model), pairs, options);
    writeFileWhole(output, mined.map((triplet) => `${JSON.stringify(triplet)}\n`).join(''));
    process.stderr.write(`${mined.length} triplets of ${pairs.length} pairs\n`);
    process.stdout.write(`${output}\n`);
  },
});
