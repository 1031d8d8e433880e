/** uniem mine: pairs to triplets with hard negatives. */

import { BACKENDS, Embedder, PRECISIONS, useEngine } from '@uniem/core';
import { loadDataset, type Pair, ResumableFile, type Row, validateRecord } from '@uniem/data';
import { minedTriplets } from '@uniem/finetuner';
import { z } from 'zod';

import { columnFlags, withColumns } from '../columns.ts';
import { defineCommand } from '../command.ts';
import { memoryFlag, requireFolderOf } from '../files.ts';
import { openTexts, textOf } from '../texts.ts';

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
    rename: columnFlags.rename,
    corpus: z
      .string()
      .optional()
      .describe(
        "texts that negatives come from, like --input of encode (FlagEmbedding's candidate_pool); a text's own positives are never among them; the positives of all pairs if left out",
      ),
    corpusColumn: z.string().default('text').describe('column of the text in --corpus'),
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
    memory: memoryFlag,
    precision: z.enum(PRECISIONS).default('fp32').describe('arithmetic of matrix products'),
    backend: z.enum(BACKENDS).default('auto').describe('engine to run on'),
  }),
  async run({ model, data, output, split, rename, corpus, corpusColumn, memory, precision, backend, ...options }) {
    requireFolderOf(output);
    const rows: Row[] = [...withColumns(await loadDataset(data, { split }), { rename })];
    const pairs = rows.map((row): Pair => validateRecord(row, 'pair'));
    const pool = corpus === undefined ? undefined : await textsOf(corpus, corpusColumn);
    await useEngine({ backend, precision });
    const embedder = await Embedder.fromPretrained(model);
    const mined = minedTriplets(embedder, pairs, {
      ...options,
      corpus: pool,
      memory: memory * 2 ** 20,
      progressBar: 'auto',
    });
    const file = (await ResumableFile.open(output, {}, false)) as ResumableFile; // a new one is always opened
    let count = 0;
    try {
      for await (const triplets of mined) {
        for (let start = 0; start < triplets.length; start += LINES) {
          const lines = triplets.slice(start, start + LINES).map((triplet) => `${JSON.stringify(triplet)}\n`);
          await file.append([Buffer.from(lines.join(''))]);
        }
        count += triplets.length;
      }
      await file.finish();
    } catch (error) {
      await file.abandon();
      throw error;
    }
    process.stderr.write(`${count} triplets of ${pairs.length} pairs\n`);
    process.stdout.write(`${output}\n`);
  },
});

/** Triplets that become bytes at once. */
const LINES = 1024;

async function textsOf(input: string, column: string): Promise<Set<string>> {
  const texts = new Set<string>();
  for await (const row of await openTexts({ input, column, stdinFormat: 'jsonl' })) texts.add(textOf(row, column));
  return texts;
}
