/** uniem search: an index of texts, and what queries find in it. */

import { BACKENDS, POOLING_STRATEGIES, PRECISIONS } from '@uniem/core/names';
import { z } from 'zod';

import { defineCommand } from '../command.ts';
import { formatFlags, memoryFlag, textFlags } from '../data-flags.ts';

const flags = z.strictObject({
  action: z.enum(['index', 'query']).describe('index writes a folder of the texts of --input; query searches it'),
  index: z.string().describe('folder of the index'),
  model: z
    .string()
    .optional()
    .describe("of the index: model folder, or owner/name[@revision] of the hub; a query takes the index's"),
  input: z.string().optional().describe('texts to index, or queries, as --input of encode'),
  query: z.string().optional().describe('one query, instead of --input'),
  column: textFlags.column,
  idColumns: z
    .array(z.string())
    .default([])
    .describe('column that is kept beside the text; may be given several times'),
  split: z.string().optional().describe('split of --input; all of them if left out'),
  stdinFormat: textFlags.stdinFormat,
  ...formatFlags,
  topK: z.int().positive().default(10).describe('texts that a query finds'),
  output: z
    .string()
    .regex(/\.jsonl$/, 'must end in .jsonl')
    .optional()
    .describe('.jsonl, a query a line with its hits, the nearest first; standard output if left out'),
  resume: z.boolean().default(false).describe('go on with an index that was interrupted'),
  prompt: z
    .string()
    .optional()
    .describe("put before each text; the model's prompt document for the index, query for a query, if left out"),
  pooling: z.enum(POOLING_STRATEGIES).optional().describe("of the index; found by the model's folder if left out"),
  truncateDim: z.int().positive().optional().describe('of the index: leading values that are kept'),
  batchSize: z.int().positive().default(32).describe('texts a batch; short ones are more'),
  window: z
    .int()
    .positive()
    .default(4096)
    .describe('texts that are encoded together, and queries that are answered together'),
  memory: memoryFlag,
  precision: z.enum(PRECISIONS).default('fp32').describe('arithmetic of matrix products'),
  backend: z.enum(BACKENDS).default('auto').describe('engine to run on'),
});

export type SearchFlags = z.output<typeof flags>;

export const search = defineCommand({
  arguments: ['action'],
  flags,
  async run(given) {
    const { index, query } = await import('../search.ts');
    await (given.action === 'index' ? index(given) : query(given));
  },
});
