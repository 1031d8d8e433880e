/** `uniem search`: an index on the disk gives what a full sort of all cosines gives. */

import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Embedder } from '@uniem/core';
import { dot } from '@uniem/core/search';
import { afterAll, expect, test } from 'vitest';

const command = fileURLToPath(new URL('../bin/uniem.js', import.meta.url));
const model = fileURLToPath(new URL('../../../fixtures/tiny-bert/model', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'uniem-search-'));
afterAll(() => rmSync(folder, { recursive: true }));

function search(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [command, 'search', ...args], (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
    });
  });
}

const WORDS = 'the cat sat on a mat and dog ran in house red big tree'.split(' ');
const records = Array.from({ length: 200 }, (_, i) => ({
  id: `d${i}`,
  body: Array.from({ length: 3 + (i % 5) }, (_, j) => WORDS[(i * (j + 2) + j * j) % WORDS.length]).join(' '),
}));
const queries = ['the cat sat', 'a big red house', 'dog and tree'];
const index = join(folder, 'index');

test('what was indexed is found, the nearest first', { timeout: 60_000 }, async () => {
  const input = join(folder, 'corpus.jsonl');
  writeFileSync(input, records.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const made = await search(
    ...['index', '--index', index, '--model', model, '--input', input],
    ...['--column', 'body', '--id-columns', 'id', '--window', '64'],
  );
  expect(made).toEqual({ code: 0, stdout: `${index}\n`, stderr: '200 texts\n' });

  const asked = join(folder, 'queries.txt');
  writeFileSync(asked, queries.join('\n'));
  const output = join(folder, 'hits.jsonl');
  const answered = await search('query', '--index', index, '--input', asked, '--top-k', '7', '--output', output);
  expect(answered).toEqual({ code: 0, stdout: `${output}\n`, stderr: '' });

  const embedder = await Embedder.fromPretrained(model);
  const encode = (texts: string[]) => embedder.encode(texts, { normalize: true });
  const documents = await encode(records.map(({ body }) => body));
  const asking = await encode(queries);
  const lines = readFileSync(output, 'utf8').trim().split('\n');
  expect(lines).toHaveLength(queries.length);
  lines.forEach((line, q) => {
    const { query, hits } = JSON.parse(line);
    expect(query).toBe(queries[q]);
    const cosine = (i: number) =>
      dot(asking[q] as Float32Array, 0, documents[i] as Float32Array, 0, embedder.dimension);
    const best = records
      .map((_, i) => cosine(i))
      .sort((a, b) => b - a)
      .slice(0, 7);
    hits.forEach((hit: { index: number; score: number; id: string; body: string }, k: number) => {
      expect(hit).toMatchObject({ ...records[hit.index] });
      expect(hit.score).toBeCloseTo(best[k] as number, 5); // texts of one length stand in other batches here
      expect(cosine(hit.index)).toBeCloseTo(hit.score, 5);
    });
    expect(new Set(hits.map((hit: { index: number }) => hit.index)).size).toBe(7);
  });

  const one = await search('query', '--index', index, '--query', 'the cat sat', '--top-k', '7');
  const found = (line: string) => JSON.parse(line).hits.map(({ id }: { id: string }) => id);
  expect(found(one.stdout)).toEqual(found(lines[0] as string));
});

test.each<[string, string[], string]>([
  [
    'no index',
    ['query', '--index', folder, '--query', 'a'],
    'no index.json\n  fix: make the index by: uniem search index',
  ],
  ['no query', ['query', '--index', index], '--query, --input: one of the two is needed\n  fix: give one query'],
  ['no model', ['index', '--index', index, '--input', 'x'], '--model: an index needs one\n  fix: give the model'],
  [
    'standard input',
    ['index', '--index', index, '--model', model, '--input', '-'],
    '--input: an index is made of a file, which is read twice\n  fix: write the texts to a file',
  ],
  [
    'an option of the index',
    ['query', '--index', index, '--query', 'a', '--truncate-dim', '4'],
    '--truncate-dim: was set',
  ],
])('%s is an error', async (_, args, message) => {
  const { code, stderr } = await search(...args);
  expect([code, stderr]).toEqual([1, expect.stringContaining(message)]);
});

test("a folder of somebody else's is left alone, and half an index is none", { timeout: 60_000 }, async () => {
  const other = join(folder, 'other');
  mkdirSync(other);
  writeFileSync(join(other, 'notes'), 'mine');
  const input = join(folder, 'one.txt');
  writeFileSync(input, 'the cat\n');
  const made = await search('index', '--index', other, '--model', model, '--input', input);
  expect(made).toMatchObject({ code: 1, stderr: expect.stringContaining('the folder holds something else (notes)') });
  expect(existsSync(join(other, 'vectors.npy'))).toBe(false);
  truncateSync(join(index, 'vectors.npy'), 200 * 32 * 4);
  const { stderr } = await search('query', '--index', index, '--query', 'a');
  expect(stderr).toContain(`has ${200 * 32 * 4} bytes of ${128 + 200 * 32 * 4}\n  fix: write or copy the file again`);
});
