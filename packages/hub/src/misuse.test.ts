/** Every public function of the package in the hands of JavaScript: whatever it is given, it says what is wrong with it. */

import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, expect, test } from 'vitest';

import * as hub from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'uniem-hub-misuse-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** As JavaScript calls it. */
// biome-ignore lint/suspicious/noExplicitAny: what no type allows is what is tested
type Loose = any;
const loose = hub as Loose;

const NONE = [null, undefined];
const NOT_TEXT = [...NONE, 5, Number.NaN, {}, [], true, ''];
const NOT_OPTIONS = [null, 5, 'x', [], true, { nothing: 1 }];
const settings = { offline: true, cacheDir: folder };
const open = (id: Loose, options: Loose = settings) => loose.openRepository(id, options);
const id = { type: 'model', name: 'owner/name' };
const remote = (url = 'http://127.0.0.1:9/x', size: Loose = 5) =>
  new loose.RemoteFile(hub.hubSettings({ endpoint: 'http://127.0.0.1:9', retryDelay: 0 }), url, 'x', size);

const TABLE: [name: string, call: (value: Loose) => unknown, bad: readonly unknown[]][] = [
  ['parseHubName', loose.parseHubName, [...NONE, 5, {}, [], true]],
  ['withLock', (path) => loose.withLock(path, async () => {}), NOT_TEXT],
  ['withLock work', (work) => loose.withLock(join(folder, 'lock'), work), [...NONE, 5, 'a', {}]],
  [
    'openRepository',
    open,
    [
      ...NOT_OPTIONS,
      undefined,
      {},
      { type: 'space', name: 'a/b' },
      { type: 'model', name: 'a' },
      { type: 'model', name: '../..' },
      { ...id, revision: 5 },
      id,
    ],
  ],
  ['openRepository options', (options) => open(id, options), NOT_OPTIONS],
  [
    'hubSettings',
    loose.hubSettings,
    [
      ...NOT_OPTIONS,
      { endpoint: 5 },
      { endpoint: 'hub' },
      { token: true },
      { token: '' },
      { cacheDir: 5 },
      { offline: 'no' },
      { retryDelay: -1 },
      { retryDelay: Number.NaN },
    ],
  ],
  ['pushFolder', (given) => hub.pushFolder(given as string, { name: 'a/b' }), [...NONE, '', 5, {}]],
  ['pushFolder push', (push) => hub.pushFolder(folder, push as { name: string }), [...NONE, 5, 'a/b', {}, { name: 5 }]],
  ['RemoteFile url', (url) => remote(url), NOT_TEXT.filter((value) => value !== undefined)],
  ['RemoteFile size', (size) => remote('http://127.0.0.1:9/x', size), [null, -1, 0.5, Number.NaN, '5', {}]],
  ['RemoteFile.read', (start) => remote().read(start, 5), [...NONE, -1, 0.5, Number.NaN, '1', {}]],
  ['RemoteFile.read end', (end) => remote().read(0, end), [...NONE, -1, 0.5, Number.NaN, '1', {}]],
];

test.each(TABLE)('%s', async (_, call, bad) => {
  const wrong: string[] = [];
  for (const value of bad) {
    const error: unknown = await (async () => call(value))().then(
      (result) => `gave ${String(result)}`,
      (thrown: unknown) => thrown,
    );
    const isOurs = error instanceof hub.HubError && /\n {2}fix: ./.test(error.message);
    if (!isOurs || /internal:/.test(error.message)) wrong.push(`${JSON.stringify(value)}: ${error}`);
  }
  expect(wrong).toEqual([]);
  expect(readdirSync(folder)).toEqual([]);
});

test('the table knows every public function', () => {
  const asked = new Set(TABLE.map(([name]) => name.split(/[ .]/)[0]));
  const functions = Object.entries(hub).filter(
    ([name, value]) => typeof value === 'function' && !name.endsWith('Error'),
  );
  const inRepositoryTest = ['Repository']; // made by openRepository alone; its methods are asked in repository.test.ts
  expect(
    functions.map(([name]) => name).filter((name) => !asked.has(name) && !inRepositoryTest.includes(name)),
  ).toEqual([]);
});
