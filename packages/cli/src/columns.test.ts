/** --rename, --prefix and --adapter of the commands that read records or texts. */

import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { afterAll, expect, test } from 'vitest';

const command = fileURLToPath(new URL('../bin/uniem.js', import.meta.url));
const model = fileURLToPath(new URL('../../../fixtures/tiny-bert/model', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'uniem-columns-'));
afterAll(() => rmSync(folder, { recursive: true }));

const uniem = async (...args: string[]) => (await promisify(execFile)(process.execPath, [command, ...args])).stdout;

function file(name: string, rows: readonly object[]): string {
  const path = join(folder, name);
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return path;
}

const texts = ['the cat', 'a dog runs', 'one bird', 'a horse', 'the fish swims'];

test('evaluate measures what the renamed and prefixed records say', async () => {
  const plain = file(
    'plain.jsonl',
    texts.map((text, i) => ({ text: `a cat ${text}`, text_pos: `the ${texts[(i + 1) % 5]}` })),
  );
  const other = file(
    'other.jsonl',
    texts.map((q, i) => ({ q, answer: texts[(i + 1) % 5] })),
  );
  const columns = [
    '--rename',
    'q=text',
    '--rename',
    'answer=text_pos',
    '--prefix',
    'text=a cat ',
    '--prefix',
    'text_pos=the ',
  ];
  const measured = await uniem('evaluate', '--model', model, '--data', other, ...columns);
  expect(JSON.parse(measured)['mrr@10']).toBeGreaterThan(0);
  expect(measured).toBe(await uniem('evaluate', '--model', model, '--data', plain));
});

test('encode puts the prompt before each text', async () => {
  const vectors = async (name: string, found: string[], ...flags: string[]) => {
    const input = file(
      name,
      found.map((text) => ({ text })),
    );
    const output = join(folder, `${name}.npy`);
    await uniem('encode', '--model', model, '--input', input, '--output', output, ...flags);
    return readFileSync(output);
  };
  const prefixed = await vectors('bare.jsonl', texts, '--prompt', 'query: ');
  expect(prefixed).toEqual(
    await vectors(
      'whole.jsonl',
      texts.map((text) => `query: ${text}`),
    ),
  );
  expect(prefixed).not.toEqual(await vectors('bare.jsonl', texts));
});

test('data inspect shows the records that training would see', async () => {
  const rows = file('bge.jsonl', [{ question: 'q', pos: ['a', 'b'], neg: ['x'] }]);
  const shown = await uniem('data', 'inspect', rows, '--rename', 'question=query', '--adapter', 'bge');
  expect(shown).toContain('2 records of type triplet\nread as: encoding utf-8\ncolumns: text, text_pos, text_neg\n');
});

test('mine takes pairs of other names', async () => {
  const pairs = file(
    'pairs.jsonl',
    texts.map((q, i) => ({ q, a: `answer ${i}` })),
  );
  const output = join(folder, 'mined.jsonl');
  const columns = ['--rename', 'q=text', '--rename', 'a=text_pos', '--num-negatives', '1'];
  await uniem('mine', '--model', model, '--data', pairs, '--output', output, ...columns);
  expect(Object.keys(JSON.parse(readFileSync(output, 'utf8').split('\n')[0] as string))).toEqual([
    'text',
    'text_pos',
    'text_neg',
  ]);
});
