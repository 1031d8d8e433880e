/** uniem embed: texts to vectors in a file, by a hosted model. */

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';

import { OptionError } from '@uniem/core/names';
import type { VectorWriter } from '@uniem/data/files';
import { costOf, type HostedProvider, PROVIDERS } from '@uniem/providers';
import { z } from 'zod';

import { defineCommand } from '../command.ts';
import { textFlags } from '../data-flags.ts';
import type { Journal } from '../journal.ts';
import { baseUrlFlag, dimensionsFlag, openHosted, requestFlags } from '../provider-flags.ts';

export const embed = defineCommand({
  flags: z.strictObject({
    provider: z.enum(PROVIDERS).describe('hosted service; compatible is any server with an OpenAI-style API'),
    model: z
      .string()
      .describe(
        'model name, for example text-embedding-3-small, embedding-3 or bge-large-zh; spark-embedding for spark',
      ),
    baseUrl: baseUrlFlag,
    ...textFlags,
    output: z
      .string()
      .regex(/\.(npy|jsonl|parquet|arrow)$/, 'must end in .npy, .jsonl, .parquet or .arrow')
      .describe('.npy, float32 [texts, dimensions]; or .jsonl, .parquet or .arrow with a field embedding'),
    dimensions: dimensionsFlag,
    inputType: z
      .enum(['query', 'document'])
      .optional()
      .describe('role of the texts, for models that embed queries and documents differently'),
    batchSize: z.int().positive().optional().describe('texts per request; as many as the service accepts if left out'),
    ...requestFlags,
    overwrite: z.boolean().default(false).describe('replace an existing output, paying for it again'),
  }),
  async run({ provider: name, model, baseUrl, input, column, split, stdinFormat, output, overwrite, ...flags }) {
    const { requireFolderOf } = await import('../files.ts');
    const { openTexts, textOf } = await import('../texts.ts');
    const { Journal } = await import('../journal.ts');
    const { lockFile } = await import('@uniem/data/files');
    const { dimensions, inputType, columns, delimiter, encoding, field, ...request } = flags;
    requireFolderOf(output);
    const path = `${output}.journal`;
    if (existsSync(output) && !existsSync(path) && !overwrite) {
      throw new OptionError(
        'already exists',
        output,
        'choose another --output, or pass --overwrite to pay for it again',
      );
    }
    const provider = openHosted(name, model, baseUrl, request);
    const texts: string[] = [];
    const format = { columns, delimiter, encoding, field };
    const rows = await openTexts({ input, column, split, stdinFormat, format });
    for await (const row of rows) texts.push(textOf(row, column));
    const different = [...new Set(texts)];
    const unlock = await lockFile(output, `${path}.lock`);
    try {
      const journal = await Journal.open(path, {
        provider: name,
        model,
        baseUrl: baseUrl ?? null,
        dimensions: dimensions ?? null,
        inputType: inputType ?? null,
        input: hashOf(texts),
      });
      try {
        if (journal.embeddings.size > 0) {
          process.stderr.write(
            `resuming: ${journal.embeddings.size} of ${different.length} texts are already embedded\n`,
          );
        }
        await ask(provider, texts, different, journal, { dimensions, inputType });
        await write(output, inOrder(texts, different, journal.embeddings));
      } finally {
        journal.close();
      }
      journal.remove();
      const { requests, tokens } = journal;
      const used = tokens === undefined ? 'tokens not reported' : counted(tokens, 'token');
      process.stderr.write(
        `${counted(texts.length, 'text')}, ${counted(requests, 'request')}, ${used}; ${costOf(name, model, tokens)}\n`,
      );
    } finally {
      await unlock();
    }
    process.stdout.write(`${output}\n`);
  },
});

/** Asks for the texts that the journal does not have, and writes each answer into it. */
async function ask(
  provider: HostedProvider,
  texts: readonly string[],
  different: readonly string[],
  journal: Journal,
  options: { dimensions: number | undefined; inputType: 'query' | 'document' | undefined },
): Promise<void> {
  const { ProgressBar } = await import('@uniem/core');
  const missing = [...different.keys()].filter((index) => !journal.embeddings.has(index));
  const bar = new ProgressBar('embed', missing.length);
  const begin = performance.now();
  let done = 0;
  try {
    await provider.embed(
      missing.map((index) => different[index] as string),
      {
        ...options,
        indexOf: (index) => texts.indexOf(different[missing[index] as number] as string),
        onBatch: (batch) => {
          const indices = batch.indices.map((index) => missing[index] as number);
          journal.append(indices, batch);
          done += indices.length;
          bar.update(done, `${((1000 * done) / (performance.now() - begin)).toFixed(1)} texts/s`);
        },
      },
    );
  } finally {
    bar.end();
  }
}

/** Equal texts are paid for once. @throws OptionError where the model changed its vectors' length between two runs. */
function inOrder(
  texts: readonly string[],
  different: readonly string[],
  embeddings: ReadonlyMap<number, Float32Array>,
): Float32Array[] {
  const lengths = new Set([...embeddings.values()].map(({ length }) => length));
  if (lengths.size > 1) {
    const what = `the model gave vectors of ${[...lengths].join(' and ')} values`;
    throw new OptionError(what, '--output', 'give --dimensions, and remove the journal beside the output');
  }
  const places = new Map(different.map((text, i) => [text, i]));
  return texts.map((text) => embeddings.get(places.get(text) as number) as Float32Array);
}

async function write(output: string, vectors: readonly Float32Array[]): Promise<void> {
  const { VectorWriter } = await import('@uniem/data/files');
  const dimension = vectors[0]?.length ?? 0;
  const writer = (await VectorWriter.open(output, { type: 'float32', dimension, columns: [] })) as VectorWriter;
  try {
    for (let start = 0; start < vectors.length; start += BLOCK) {
      const part = vectors.slice(start, start + BLOCK);
      const values = new Float32Array(part.length * dimension);
      part.forEach((vector, i) => {
        values.set(vector, i * dimension);
      });
      await writer.write({ rows: part.map(() => ({})), vectors: values });
    }
    await writer.finish();
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}

/** Vectors that become bytes at once. */
const BLOCK = 4096;

const counted = (count: number, what: string) => `${count} ${what}${count === 1 ? '' : 's'}`;

/** Of the texts and where each ends. */
function hashOf(texts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const text of texts) hash.update(`${Buffer.byteLength(text)}\n`).update(text);
  return hash.digest('hex');
}
