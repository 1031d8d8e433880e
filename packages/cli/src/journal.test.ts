/** The journal of paid answers: whole after a cut at any byte, and of one run alone. */

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, expect, test } from 'vitest';

import { Journal } from './journal.ts';

const folder = mkdtempSync(join(tmpdir(), 'uniem-journal-'));
afterAll(() => rmSync(folder, { recursive: true }));

const key = { provider: 'openai', model: '模型', dimensions: null, input: 'abc' };
const batch = (...values: number[]) => ({
  indices: [],
  embeddings: values.map((value) => Float32Array.of(value, 0.1)),
  tokens: 3,
});

test('a journal cut at any byte gives its whole lines, and takes more', async () => {
  const path = join(folder, 'whole.journal');
  const journal = await Journal.open(path, key);
  journal.append([4, 2], batch(0.25, Math.PI));
  journal.append([7], batch(-1e-30));
  journal.close();
  const bytes = readFileSync(path);
  const ends = [...bytes.keys()].filter((i) => bytes[i] === 10).map((i) => i + 1);
  expect(ends).toHaveLength(3);
  for (let cut = 0; cut <= bytes.length; cut++) {
    writeFileSync(path, bytes.subarray(0, cut));
    const again = await Journal.open(path, key);
    const answers = Math.max(0, ends.filter((end) => end <= cut).length - 1);
    expect([...again.embeddings.keys()]).toEqual([4, 2, 7].slice(0, [0, 2, 3][answers]));
    expect(again.requests).toBe(answers);
    expect(again.tokens).toBe(3 * answers);
    again.append([9], batch(1));
    again.close();
    const third = await Journal.open(path, key);
    expect(third.embeddings.get(9)).toEqual(Float32Array.of(1, 0.1));
    if (answers > 0) expect(third.embeddings.get(2)).toEqual(Float32Array.of(Math.PI, 0.1));
    expect(third.requests).toBe(answers + 1);
    third.close();
  }
});

test('a journal of another run is refused, and one that is damaged', async () => {
  const path = join(folder, 'other.journal');
  const journal = await Journal.open(path, key);
  expect(existsSync(path)).toBe(false); // before the first answer
  journal.append([0], batch(1));
  journal.close();
  await expect(Journal.open(path, { ...key, model: 'm2' })).rejects.toThrow(
    `OptionError: ${path}: belongs to an unfinished run with another model (模型, now m2)\n  fix: finish that run, choose another --output`.slice(
      13,
    ),
  );
  writeFileSync(path, `${JSON.stringify(key)}\nnot json\n{}\n`);
  await expect(Journal.open(path, key)).rejects.toThrow(`${path}:2: is damaged\n  fix: delete the file`);
});
