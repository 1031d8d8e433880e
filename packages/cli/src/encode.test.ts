/** `uniem encode` on many texts: what it reads, what it writes, in which memory, and what a kill costs. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

import { Embedder } from '@uniem/core';
import { quantizationRanges, quantizeEmbeddings } from '@uniem/core/search';
import { IterableDataset, type Row } from '@uniem/data';
import { NpyFile } from '@uniem/data/files';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

import { encode as encodeCommand } from './commands/encode.ts';
import { parseFlags } from './flags.ts';

const command = fileURLToPath(new URL('../bin/uniem.js', import.meta.url));
const fixture = fileURLToPath(new URL('../../../fixtures/sentence-transformers/compact/static/', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'uniem-encode-'));
const file = (name: string) => join(folder, name);

/** How often a run of each format is killed; more in a longer check: UNIEM_TEST_KILLS=30. */
const KILLS = Number(process.env.UNIEM_TEST_KILLS ?? 2);
const D = 128;
/** A table of words alone, so that what takes time and memory here is reading and writing. */
const model = file('model');

beforeAll(() => {
  cpSync(fixture, model, { recursive: true });
  const rows = JSON.parse(
    `${readFileSync(join(fixture, 'model.safetensors')).subarray(8).toString('latin1').split('}}')[0]}}}`,
  );
  const [words] = rows['embedding.weight'].shape as [number];
  const values = Float32Array.from({ length: words * D }, (_, i) => Math.sin(i * 12.9898) + 0.01);
  const header = Buffer.from(
    JSON.stringify({ 'embedding.weight': { dtype: 'F32', shape: [words, D], data_offsets: [0, values.byteLength] } }),
  );
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  writeFileSync(join(model, 'model.safetensors'), Buffer.concat([length, header, new Uint8Array(values.buffer)]));
});
afterAll(() => rmSync(folder, { recursive: true }));

const WORDS = 'cat dog the a mat sat on bird tree house river blue green small large quick lazy young old'.split(' ');
const textAt = (i: number) =>
  Array.from({ length: 1 + ((i * 7) % 11) }, (_, j) => WORDS[(i * (j + 3) + j) % WORDS.length]).join(' ');

function writeTexts(name: string, count: number): string {
  writeFileSync(file(name), Array.from({ length: count }, (_, i) => `${textAt(i)}\n`).join(''));
  return file(name);
}

function start(args: string[], node: string[] = []): ChildProcess {
  return spawn(process.execPath, [...node, command, 'encode', '--model', model, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
}

async function end(child: ChildProcess, stdin?: string | Buffer) {
  const text = { stdout: '', stderr: '' };
  child.stdout?.on('data', (part) => {
    text.stdout += part;
  });
  child.stderr?.on('data', (part) => {
    text.stderr += part;
  });
  child.stdin?.on('error', () => {}); // a child that stops early
  child.stdin?.end(stdin);
  const [code] = await once(child, 'close');
  return { code, ...text };
}

async function encode(...args: string[]): Promise<void> {
  const { code, stderr } = await end(start(args));
  expect(code, stderr).toBe(0);
}

/** The command in this process, which need not start anew. */
async function encodeHere(...args: string[]): Promise<void> {
  const written = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  try {
    await encodeCommand.run(await parseFlags(encodeCommand.flags, ['--model', model, ...args], 'encode'));
  } finally {
    written.mockRestore();
  }
}

async function rowsOf(path: string): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const row of IterableDataset.fromFiles([path])) rows.push(row);
  return rows;
}

describe('what is read and written', () => {
  const count = 300;
  const records = Array.from({ length: count }, (_, i) => ({ id: i, body: textAt(i), tag: `t${i % 3}` }));
  let vectors: Float32Array[];

  beforeAll(async () => {
    const embedder = await Embedder.fromPretrained(model);
    vectors = await embedder.encode(records.map(({ body }) => body));
  });

  const jsonl = records.map((row) => `${JSON.stringify(row)}\n`).join('');
  const csv = ['id,body,tag', ...records.map(({ id, body, tag }) => `${id},${body},${tag}`)].join('\n');
  const expectVectors = (rows: Row[]) =>
    expect(rows.map(({ embedding }) => embedding)).toEqual(vectors.map((vector) => [...vector]));

  test.each([
    ['.jsonl.gz', '.parquet', gzipSync(jsonl)],
    ['.csv', '.arrow', csv],
    ['.txt.gz', '.jsonl', gzipSync(records.map(({ body }) => body).join('\r\n'))],
  ])('%s to %s', async (extension, output, content) => {
    const input = file(`some${extension}`);
    writeFileSync(input, content);
    const plain = extension.startsWith('.txt');
    const columns = plain
      ? ['--id-columns', 'text']
      : ['--column', 'body', '--id-columns', 'id', '--id-columns', 'tag'];
    await encodeHere('--input', input, '--output', file(`some${output}`), '--window', '70', ...columns);
    const rows = await rowsOf(file(`some${output}`));
    expectVectors(rows);
    const beside = rows.map(({ embedding: _, ...row }) => row);
    const kept = plain ? records.map(({ body }) => ({ text: body })) : records.map(({ id, tag }) => ({ id, tag }));
    expect(beside).toEqual(kept);
  });

  test('standard input', async () => {
    const args = ['--input', '-', '--column', 'body', '--output', file('stdin.jsonl')];
    expect(await end(start(args), jsonl)).toEqual({ code: 0, stdout: `${file('stdin.jsonl')}\n`, stderr: '' });
    expectVectors(await rowsOf(file('stdin.jsonl')));
  });

  test('parts that are the whole, int8 by the ranges of its first texts', async () => {
    writeFileSync(file('parts.jsonl'), jsonl);
    const args = ['--input', file('parts.jsonl'), '--column', 'body', '--output-precision', 'int8'];
    const numbers: number[] = [];
    for (const index of [0, 1, 2]) {
      const output = file(`part-${index}.npy`);
      await encodeHere(...args, '--calibration-size', '50', '--shard', `${index}/3`, '--output', output);
      const part = await NpyFile.open(output);
      expect([part.length, part.type]).toEqual([100, 'int8']);
      numbers.push(...(await part.read(0, 100)));
      await part.close();
    }
    const ranges = quantizationRanges(vectors.slice(0, 50));
    expect(numbers).toEqual(quantizeEmbeddings(vectors, 'int8', ranges).flatMap((vector) => [...vector]));
    expect(JSON.parse(readFileSync(file('part-0.npy.ranges.json'), 'utf8'))).toEqual({
      precision: 'int8',
      least: [...ranges.least],
      most: [...ranges.most],
    });
  });

  test.each([
    [['--shard', '3/3'], '--shard: 3/3 is no part of 3\n  fix: count the parts from 0'],
    [['--input', '-', '--shard', '0/2'], '--shard: standard input cannot be counted\n  fix: write the texts to a file'],
    [['--id-columns', 'id', '--output', 'x.npy'], 'x.npy: .npy has no place for columns (id)\n  fix: write .jsonl'],
    [['--column', 'other'], "bad.jsonl:1: no column 'other'\n  fix: name columns of {text}"],
    [['--input', 'folder/of.txt'], 'folder/of.txt: no such file\n  fix: give a file of texts'],
  ])('%j is refused', async (args, message) => {
    writeFileSync(file('bad.jsonl'), '{"text": "a"}\n');
    const run = encodeHere('--input', file('bad.jsonl'), '--output', file('bad.npy'), ...args);
    await expect(run).rejects.toThrow(message);
    expect(readdirSync(folder).filter((name) => name.includes('partial'))).toEqual([]);
  });
});

/** Prints the most memory that the process had, in KiB. */
const MEASURE = 'process.on("exit", () => console.error("peak", process.resourceUsage().maxRSS))';

test('200,000 texts take the memory of 10,000', { timeout: 180_000 }, async () => {
  const peaks: number[] = [];
  for (const count of [10_000, 200_000]) {
    const args = ['--input', writeTexts(`${count}.txt`, count), '--output', file('many.npy')];
    const node = ['--max-old-space-size=64', '--import', `data:text/javascript,${encodeURIComponent(MEASURE)}`];
    const { code, stderr } = await end(start(args, node));
    expect(code, stderr).toBe(0);
    expect(statSync(file('many.npy')).size).toBe(128 + count * D * 4);
    peaks.push(Number(/peak (\d+)/.exec(stderr)?.[1]) / 1024);
  }
  const [few, many] = peaks as [number, number];
  expect(many - few).toBeLessThan(50); // the vectors alone are 98 MiB
  expect(many).toBeLessThan(400);
});

test.each(['.npy', '.jsonl', '.parquet', '.arrow'])(
  `a run to %s that is killed ${KILLS} times goes on to the same bytes`,
  { timeout: 60_000 + KILLS * 30_000 },
  async (extension) => {
    const input = existsSync(file('killed.txt')) ? file('killed.txt') : writeTexts('killed.txt', 12_000);
    const args = ['--input', input, '--window', '512', '--truncate-dim', '32'];
    const columns = extension === '.npy' ? [] : ['--id-columns', 'text'];
    await encode(...args, ...columns, '--output', file(`unbroken${extension}`));
    const output = file(`killed${extension}`);
    const journal = `${output}.partial.json`;
    let seed = extension.length * 7919;
    const random = () => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      return seed / 2 ** 32;
    };
    let killed = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      const before = existsSync(journal) ? readFileSync(journal, 'utf8') : '';
      const child = start([...args, ...columns, '--output', output, '--resume']);
      const ended = end(child);
      let over = false;
      ended.then(() => {
        over = true;
      });
      const changed = () => existsSync(journal) && readFileSync(journal, 'utf8') !== before;
      while (!over && !changed()) await setTimeout(5);
      await setTimeout(random() * 200);
      child.kill('SIGKILL');
      if ((await ended).code === null) killed += 1;
      if (over && existsSync(output)) break; // it was faster than the kill
    }
    expect(killed).toBeGreaterThan(0);
    await encode(...args, ...columns, '--output', output, '--resume');
    expect(readFileSync(output).equals(readFileSync(file(`unbroken${extension}`)))).toBe(true);
    expect(readdirSync(folder).filter((name) => name.includes('.partial'))).toEqual([]);
  },
);

test('other options than the interrupted run’s are refused', { timeout: 60_000 }, async () => {
  const input = writeTexts('other.txt', 12_000);
  const args = ['--input', input, '--output', file('other.npy'), '--window', '256'];
  const child = start(args);
  const ended = end(child);
  while (!existsSync(`${file('other.npy')}.partial.json`)) await setTimeout(5);
  child.kill('SIGKILL');
  await ended;
  const { code, stderr } = await end(start([...args, '--resume', '--prompt', 'query: ']));
  expect([code, stderr]).toEqual([
    1,
    'DataError: resume: prompt was not given and is "query: " now\n' +
      '  fix: give the options of the interrupted run, or leave resume out to begin anew\n',
  ]);
});
