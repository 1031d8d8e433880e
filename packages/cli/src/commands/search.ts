/** uniem search: an index of texts, and what queries find in it. */

import {
  BACKENDS,
  Embedder,
  OptionError,
  POOLING_STRATEGIES,
  type PoolingStrategy,
  PRECISIONS,
  ProgressBar,
  topK,
  useEngine,
  vectorsInMemory,
} from '@uniem/core';
import { ResumableFile, type Row } from '@uniem/data';
import { z } from 'zod';

import { defineCommand } from '../command.ts';
import { encodeTexts, RowWindows } from '../encode-texts.ts';
import { memoryFlag, requireFolderOf } from '../files.ts';
import { beginIndex, finishIndex, indexFile, SearchIndex, writeRows } from '../search-index.ts';
import { fingerprintOf, openTexts, STDIN_FORMATS, textOf } from '../texts.ts';

const flags = z.strictObject({
  action: z.enum(['index', 'query']).describe('index writes a folder of the texts of --input; query searches it'),
  index: z.string().describe('folder of the index'),
  model: z
    .string()
    .optional()
    .describe("of the index: model folder, or owner/name[@revision] of the hub; a query takes the index's"),
  input: z.string().optional().describe('texts to index, or queries, as --input of encode'),
  query: z.string().optional().describe('one query, instead of --input'),
  column: z.string().default('text').describe('column of the text'),
  idColumns: z
    .array(z.string())
    .default([])
    .describe('column that is kept beside the text; may be given several times'),
  split: z.string().optional().describe('split of --input; all of them if left out'),
  stdinFormat: z.enum(STDIN_FORMATS).default('jsonl').describe('what standard input holds'),
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

type Flags = z.output<typeof flags>;

export const search = defineCommand({
  summary: 'index texts and find the nearest: uniem search index, uniem search query',
  arguments: ['action'],
  flags,
  run: (given) => (given.action === 'index' ? index(given) : query(given)),
});

async function index(given: Flags): Promise<void> {
  const { index: folder, model, input, column, idColumns, split, stdinFormat, pooling, truncateDim, resume } = given;
  if (model === undefined)
    throw new OptionError('an index needs one', '--model', 'give the model to encode the texts by');
  if (input === undefined || input === '-') {
    throw new OptionError('an index is made of a file, which is read twice', '--input', 'write the texts to a file');
  }
  requireFolderOf(folder);
  const texts = { input, column, columns: idColumns, split, stdinFormat };
  const rows = await openTexts(texts);
  const backend = await useEngine({ backend: given.backend, precision: given.precision });
  const embedder = await Embedder.fromPretrained(model, { poolingStrategy: pooling });
  await beginIndex(folder);
  const prompt = given.prompt ?? ownPrompt(embedder, 'document');
  await encodeTexts(embedder, {
    texts: { ...texts, columns: [] },
    rows,
    output: indexFile(folder, 'vectors.npy'),
    precision: 'float32',
    calibration: { texts, size: 0 },
    window: given.window,
    shard: undefined,
    resume,
    run: {
      ...{ model, input, column, split, pooling, truncateDim, prompt, backend },
      ...{
        precision: given.precision,
        batchSize: given.batchSize,
        window: given.window,
        content: fingerprintOf(input),
      },
    },
    encoding: { prompt, truncateDim, batchSize: given.batchSize, normalize: true },
  });
  const count = await writeRows(folder, await openTexts(texts));
  finishIndex(folder, { version: 1, model, texts: count, column, pooling, truncateDim });
  process.stderr.write(`${count} texts\n`);
  process.stdout.write(`${folder}\n`);
}

async function query(given: Flags): Promise<void> {
  const { input, query: one, column, idColumns: columns, split, stdinFormat, output, window } = given;
  if ((input === undefined) === (one === undefined)) {
    throw new OptionError('one of the two is needed', '--query, --input', 'give one query, or a file of them');
  }
  const misplaced = { '--pooling': given.pooling, '--truncate-dim': given.truncateDim };
  const flag = Object.entries(misplaced).find(([, value]) => value !== undefined)?.[0];
  if (flag) throw new OptionError('was set when the index was made', flag, 'leave it out');
  if (output) requireFolderOf(output);
  const found = await SearchIndex.open(given.index);
  const { model, pooling, truncateDim } = found.manifest;
  await useEngine({ backend: given.backend, precision: given.precision });
  const embedder = await Embedder.fromPretrained(given.model ?? model, {
    poolingStrategy: pooling as PoolingStrategy | undefined,
  });
  const prompt = given.prompt ?? ownPrompt(embedder, 'query');
  const file = output === undefined ? undefined : await ResumableFile.open(output, {}, false);
  const rows =
    one !== undefined
      ? single({ [column]: one })
      : await openTexts({ input: input as string, column, columns, split, stdinFormat });
  const source = new RowWindows(rows);
  const bar = new ProgressBar('search', undefined, file ? 'auto' : false);
  let done = 0;
  try {
    for (let part = await source.take(window); part.length > 0; part = await source.take(window)) {
      const asked = part.map((row) => textOf(row, column));
      const vectors = await embedder.encode(asked, {
        ...{ prompt, truncateDim, batchSize: given.batchSize },
        ...{ normalize: true, progressBar: false },
      });
      let at = 0;
      for await (const block of topK(
        vectorsInMemory(vectors),
        found.vectors,
        given.topK,
        (given.memory * 2 ** 20) / 4,
      )) {
        for (const hits of block) {
          const row = part[at] as Row;
          const ids = Object.fromEntries(columns.map((name) => [name, row[name]]));
          const rowsFound: Row[] = [];
          for (const { index: number, score } of hits) {
            rowsFound.push({ index: number, score, ...(await found.row(number)) });
          }
          const line = `${JSON.stringify({ query: asked[at], ...ids, hits: rowsFound })}\n`;
          if (file) await file.append([Buffer.from(line)]);
          else process.stdout.write(line);
          at += 1;
        }
      }
      done += part.length;
      bar.update(done);
    }
    bar.end();
    await file?.finish();
  } catch (error) {
    await file?.abandon();
    throw error;
  } finally {
    await source.close();
    await found.close();
  }
  if (output !== undefined) process.stdout.write(`${output}\n`);
}

/** The model's own prompt for a role; none where it has no such prompt, as encodeQuery and encodeDocument. */
function ownPrompt({ prompts }: Embedder, name: 'query' | 'document'): string {
  return Object.hasOwn(prompts, name) ? (prompts[name] as string) : '';
}

async function* single(row: Row): AsyncGenerator<Row> {
  yield row;
}
