/** uniem encode: texts to vectors in a file. */

import { BACKENDS, OptionError, OUTPUT_PRECISIONS, POOLING_STRATEGIES, PRECISIONS } from '@uniem/core/names';
import { z } from 'zod';

import { defineCommand } from '../command.ts';
import { modelFlags, textFlags } from '../data-flags.ts';

export const encode = defineCommand({
  flags: z.strictObject({
    ...modelFlags,
    ...textFlags,
    idColumns: z
      .array(z.string())
      .default([])
      .describe('column that is written beside the vectors; may be given several times'),
    output: z
      .string()
      .describe(
        '.npy [texts, values], .jsonl, .parquet (a list) or .arrow (a fixed-size list), in the column embedding',
      ),
    outputPrecision: z
      .enum(OUTPUT_PRECISIONS)
      .default('float32')
      .describe(
        "what a value is written as; the integers as sentence-transformers' quantize_embeddings, binary and ubinary one bit a value",
      ),
    calibration: z
      .string()
      .optional()
      .describe(
        'texts that int8 and uint8 take their ranges from, like --input but in UTF-8 and with their own header; its first ones if left out',
      ),
    calibrationSize: z.int().min(2).default(1000).describe('how many texts the ranges are taken from'),
    resume: z
      .boolean()
      .default(false)
      .describe('go on where an interrupted run stopped, to the same bytes as an uninterrupted one'),
    shard: z
      .string()
      .regex(/^\d+\/[1-9]\d*$/, 'is not i/n')
      .optional()
      .describe('encode part i of n, counted from 0: neighboring texts, so that the parts in order are the whole'),
    window: z
      .int()
      .positive()
      .default(4096)
      .describe('texts that are sorted by length and written together; they and their vectors are what memory holds'),
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
  async run(flags) {
    const { Embedder, useEngine } = await import('@uniem/core');
    const { requireFormat } = await import('@uniem/data/files');
    const { encodeTexts } = await import('../encode-texts.ts');
    const { requireFolderOf } = await import('../files.ts');
    const { fingerprintOf, openTexts } = await import('../texts.ts');
    const {
      model,
      baseModel,
      output,
      pooling,
      precision,
      outputPrecision,
      resume,
      input,
      column,
      idColumns,
      split,
      stdinFormat,
      columns,
      delimiter,
      encoding,
      field,
    } = flags;
    requireFolderOf(output);
    requireFormat(output, idColumns);
    const shard = shardOf(flags.shard, input);
    const format = { columns, delimiter, encoding, field };
    const texts = { input, column, columns: idColumns, split, stdinFormat, format };
    const calibrating = flags.calibration ?? input;
    const calibration = { texts: { input: calibrating, column, stdinFormat }, size: flags.calibrationSize };
    const rows = await openTexts(texts); // says what is wrong with it before a model is loaded
    const backend = await useEngine({ backend: flags.backend });
    const embedder = await Embedder.fromPretrained(model, { baseModel, poolingStrategy: pooling, precision });
    const { resume: _, output: __, ...rest } = flags;
    const { prompt, promptName, normalize, truncateDim, batchSize, maxLength } = flags;
    await encodeTexts(embedder, {
      texts,
      rows,
      output,
      precision: outputPrecision,
      calibration,
      window: flags.window,
      shard,
      resume,
      run: { ...rest, backend, contents: [input, calibrating].map(fingerprintOf) },
      encoding: { prompt, promptName, normalize, truncateDim, batchSize, maxLength },
    });
    process.stdout.write(`${output}\n`);
  },
});

function shardOf(flag: string | undefined, input: string): { index: number; count: number } | undefined {
  if (flag === undefined) return undefined;
  const [index, count] = flag.split('/').map(Number) as [number, number];
  if (index >= count) throw new OptionError(`${flag} is no part of ${count}`, '--shard', 'count the parts from 0');
  if (input === '-') {
    throw new OptionError(
      'standard input cannot be counted',
      '--shard',
      'write the texts to a file, or split them before',
    );
  }
  return { index, count };
}
