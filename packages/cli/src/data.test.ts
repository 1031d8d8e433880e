/** `uniem data inspect` as a user runs it. */

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { afterAll, expect, test } from 'vitest';

const command = fileURLToPath(new URL('../bin/uniem.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'uniem-inspect-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function inspect(name: string, content: string | Uint8Array, ...flags: string[]): Promise<string> {
  const path = join(folder, name);
  writeFileSync(path, content);
  const { stdout } = await promisify(execFile)(process.execPath, [command, 'data', 'inspect', path, ...flags]);
  return stdout.replaceAll(folder, 'FOLDER');
}

test('pairs', async () => {
  const rows = [
    ['cat', 'an animal that says meow'],
    ['cat', 'an animal that says meow'],
    ['cat', 'a pet'],
    ['', 'x'.repeat(100)],
  ].map(([text, text_pos]) => `${JSON.stringify({ text, text_pos })}\n`);
  expect(await inspect('pairs.jsonl', rows.join(''))).toBe(
    `FOLDER/pairs.jsonl: 4 records of type pair
read as: encoding utf-8
columns: text, text_pos
text: 0 to 3 characters, 2.3 in the mean
  <      8  4  ████████████████████████████████████████
text_pos: 5 to 100 characters, 38.3 in the mean
  <      8  1  ████████████████████
  <     16  0
  <     32  2  ████████████████████████████████████████
  <     64  0
  <    128  1  ████████████████████
1 empty texts in text: each is encoded as its special tokens
1 records stand there before
training: the in-batch softmax loss, every other record of a batch a negative
1 texts stand in several records, and would be false negatives: use --unique-texts or --mask-same-texts
`,
  );
});

test('scored pairs, and records of no type', async () => {
  expect(await inspect('scored.csv', 'sentence1,sentence2,label\na,b,1\na,c,4.5\n')).toContain(
    'labels: 1 to 4.5, 2 different ones\ntraining: the CoSent loss, by the order of the labels\n',
  );
  expect(await inspect('other.csv', 'question,answer\na,b\n')).toContain(
    'training needs text + text_pos (+ text_neg), sentence1 + sentence2 + label, or text + label: use --rename old=new\n',
  );
});

test('how the file was read, and labels that are words', async () => {
  const utf16 = Buffer.from('\ufefftext;label\n今天;体育\n明天;财经\n', 'utf16le');
  const found = await inspect('classes.csv', utf16);
  expect(found).toContain('2 records of type labeled_text\nread as: encoding utf-16le, delimiter ;\n');
  expect(found).toContain('labels: 体育, 财经\ntraining: supcon, over batches with several texts of a class\n');
  const pairs = await inspect('lcqmc.txt', 'a\tb\t1\nc\td\t0\n', '--columns', 'sentence1,sentence2,label');
  expect(pairs).toContain('2 records of type scored_pair\nread as: encoding utf-8, delimiter tab\n');
  const squad = await inspect('squad.json', '{"version": 1, "data": [{"text": "a", "text_pos": "b"}]}');
  expect(squad).toContain('1 records of type pair\nread as: encoding utf-8, records under data\n');
});
