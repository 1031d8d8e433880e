/** uniem mine: pairs to triplets with hard negatives. */

import { BACKENDS, PRECISIONS } from '@uniem/core/names';
import type { Dataset, Pair, Row } from '@uniem/data';
import { z } from 'zod';

import { defineCommand } from '../command.ts';
import { columnFlags, formatFlags, memoryFlag, modelFlags } from '../data-flags.ts';

export const mine = defineCommand({
  flags: z.strictObject({
    ...modelFlags,
    data: z.string().describe('pairs: a file, folder or pattern, or owner/name[:configuration] of the hub'),
    output: z
      .string()
      .regex(/\.jsonl$/, 'must end in .jsonl')
      .describe('.jsonl file of triplets'),
    split: z.string().default('train').describe('split to mine'),
    ...formatFlags,
    rename: columnFlags.rename,
    corpus: z
      .string()
      .optional()
      .describe(
        "texts that negatives come from, like --input of encode (FlagEmbedding's candidate_pool), in UTF-8 and with their own header; a text's own positives are never among them; the positives of all pairs if left out",
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
  async run(flags) {
    const {
      model,
      baseModel,
      data,
      output,
      split,
      rename,
      columns,
      delimiter,
      encoding,
      field,
      corpus,
      corpusColumn,
      memory,
      precision,
      backend,
      ...options
    } = flags;
    const { Embedder, useEngine } = await import('@uniem/core');
    const { validateRecord } = await import('@uniem/data');
    const { ResumableFile } = await import('@uniem/data/files');
    const { minedTriplets } = await import('@uniem/finetuner');
    const { withColumns } = await import('../columns.ts');
    const { requireFolderOf } = await import('../files.ts');
    const { DatasetLoader } = await import('../reading.ts');
    requireFolderOf(output);
    const loader = new DatasetLoader({ columns, delimiter, encoding, field });
    const loaded = (await loader.load(data, { split })) as Dataset;
    loader.requireAllUsed();
    const rows: Row[] = [...withColumns(loaded, { rename })];
    const pairs = rows.map((row): Pair => validateRecord(row, 'pair'));
    const pool = corpus === undefined ? undefined : await textsOf(corpus, corpusColumn);
    await useEngine({ backend });
    const embedder = await Embedder.fromPretrained(model, { baseModel, precision });
    const mined = minedTriplets(embedder, pairs, {
      ...options,
      corpus: pool,
      memory: memory * 2 ** 20,
      progressBar: 'auto',
    });
    const file = await ResumableFile.open(output, {}, false);
    if (!file) throw new Error('internal: a new file was not opened');
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
  const { openTexts, textOf } = await import('../texts.ts');
  const texts = new Set<string>();
  for await (const row of await openTexts({ input, column, stdinFormat: 'jsonl' })) texts.add(textOf(row, column));
  return texts;
}
