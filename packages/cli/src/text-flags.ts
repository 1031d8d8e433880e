/** Flags of the commands that turn texts into vectors. */

import { z } from 'zod';

export const textFlags = {
  input: z
    .string()
    .describe(
      '.txt, one text per line; or .jsonl, .json, .csv, .tsv, .parquet, .arrow (also .gz), a folder, or a hub dataset',
    ),
  column: z.string().default('text').describe('field with the texts'),
  split: z.string().optional().describe('split to read, where the input has several'),
  output: z
    .string()
    .regex(/\.(npy|jsonl|parquet)$/, 'must end in .npy, .jsonl or .parquet')
    .describe('.npy, float32 [texts, dimensions]; or .jsonl or .parquet with a field embedding'),
};
