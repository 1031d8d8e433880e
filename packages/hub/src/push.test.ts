/** Pushes to a hub of ours on loopback, with its faults: fixtures/hub/server.ts. */

import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { type Fault, HubServer } from '../../../fixtures/hub/server.ts';
import { type PushOptions, pushFolder } from './push.ts';
import { openRepository } from './repository.ts';
import type { HubOptions } from './settings.ts';

const WEIGHTS = Buffer.from(Array.from({ length: 250_000 }, (_, i) => (i * 7919) % 251)); // three parts
const TOKENIZER = Buffer.alloc(60_000, 'abc'); // one
const TOKEN = 'secret-token';
const root = mkdtempSync(join(tmpdir(), 'uniem-push-'));
const folder = join(root, 'model');
let hub: HubServer;
let count = 0;
let name: string;

beforeAll(async () => {
  hub = await HubServer.start();
  mkdirSync(join(folder, 'onnx'), { recursive: true });
  mkdirSync(join(folder, '.git'));
  writeFileSync(join(folder, '.git', 'HEAD'), 'x');
  writeFileSync(join(folder, 'config.json'), '{}');
  writeFileSync(join(folder, 'README.md'), '# card');
  writeFileSync(join(folder, 'tokenizer.json'), TOKENIZER);
  writeFileSync(join(folder, 'onnx', 'model.onnx'), WEIGHTS);
});
afterAll(async () => {
  await hub.stop();
  rmSync(root, { recursive: true });
});
beforeEach(() => {
  hub.forget();
  hub.uploads.objects.clear();
  name = `me/model-${count++}`;
});

const options = (more: HubOptions = {}): HubOptions => ({
  endpoint: hub.endpoint,
  cacheDir: join(root, 'cache'),
  token: TOKEN,
  retryDelay: 1,
  ...more,
});
const push = (more: Partial<PushOptions> = {}, hubOptions?: HubOptions, from = folder) =>
  pushFolder(from, { name, ...more }, options(hubOptions));
const tip = (branch = 'main') => {
  const repo = hub.repository(name);
  return Object.fromEntries(repo?.commits.get(repo.refs.get(branch) as string) ?? []);
};
const EXPECTED = ['.gitattributes', 'README.md', 'config.json', 'onnx/model.onnx', 'tokenizer.json'];
const uploads = () => hub.asked.filter(({ method, url }) => method === 'PUT' && url.startsWith('/lfs/'));
const commits = () => hub.asked.filter(({ url }) => url.includes('/commit/'));

describe('a push', () => {
  test('creates the repository and makes one commit of all files', async () => {
    const lines: string[] = [];
    const { url, commit } = await push({ private: true, message: 'First version', log: (line) => lines.push(line) });
    expect(url).toBe(`${hub.endpoint}/${name}`);
    const files = tip();
    expect(Object.keys(files).sort()).toEqual(EXPECTED);
    expect(files['onnx/model.onnx']?.equals(WEIGHTS)).toBe(true);
    expect(files['tokenizer.json']?.equals(TOKENIZER)).toBe(true);
    expect(String(files['README.md'])).toBe('# card');
    const repo = hub.repository(name);
    expect(repo?.isPrivate).toBe(true);
    expect([...(repo?.summaries ?? [])]).toEqual([[commit, 'First version']]);
    expect(lines.slice(0, 2)).toEqual([`created private repository ${url}`, `pushing 4 files to ${url}`]);
    expect(lines.slice(2).sort()).toEqual(['README.md', 'config.json', 'onnx/model.onnx', 'tokenizer.json'].slice(2));
  });

  test('can be opened by what reads the hub', async () => {
    await push();
    const repository = await openRepository({ type: 'model', name }, options());
    expect((await repository.files()).map(({ path }) => path)).toEqual(EXPECTED);
    await repository.download('onnx/model.onnx'); // checks the content against its name
  });

  test('gives the token to the hub and never to the host of large files', async () => {
    await push();
    expect(uploads()).toHaveLength(4); // one file whole, one in three parts
    for (const { host, authorization } of hub.asked) {
      expect(authorization).toBe(host === 'hub' ? `Bearer ${TOKEN}` : undefined);
    }
  });

  test('to a repository that exists keeps its other files, and goes to the branch that is named', async () => {
    hub.commit(name, { 'old.txt': 'old', 'README.md': 'before' });
    await push({ revision: 'v2' });
    expect(Object.keys(tip('v2')).sort()).toEqual([...EXPECTED.slice(1), 'old.txt'].sort());
    expect(String(tip('main')['README.md'])).toBe('before');
    expect(hub.asked.some(({ url }) => url === '/api/repos/create')).toBe(false);
  });

  test('again sends no large file that the hub has', async () => {
    await push();
    hub.forget();
    await push();
    expect(uploads()).toEqual([]);
    expect(commits()).toHaveLength(1);
  });

  test.each<[string, string, Fault[]]>([
    ['the connection is reset in a large file', '/lfs/', [{ dropAfter: 30_000 }, { dropAfter: 1 }]],
    ['the connection is refused', '/lfs/', [{ refuse: true }]],
    ['the host of large files fails', '/lfs/', [{ status: 500 }, { status: 503 }]],
    ['the hub fails', '/preupload/', [{ status: 502 }, { refuse: true }]],
    ['the last part is reported late', '/api/complete/', [{ status: 504 }]],
    ['too many requests were made', '/objects/batch', [{ status: 429, headers: { 'Retry-After': '0' } }]],
    ['the commit comes too early', '/commit/', [{ status: 429, headers: { 'Retry-After': '0' } }]],
    ['the answer to the commit is lost', '/commit/', [{ loseAnswer: true }]],
    ['another process creates the repository', '/api/repos/create', [{ status: 409 }]],
  ])('is whole though %s', async (what, part, faults) => {
    if (what.includes('another process')) hub.commit(name, {}, { revision: 'main' });
    if (what.includes('another process')) hub.fail(`/api/models/${name}/revision`, { status: 404 });
    hub.fail(part, ...faults);
    await push();
    expect(tip()['onnx/model.onnx']?.equals(WEIGHTS)).toBe(true);
    expect(Object.keys(tip())).toEqual(expect.arrayContaining(EXPECTED.slice(1)));
    expect(commits().length).toBe(what.includes('too early') ? 2 : 1);
  });

  test('waits as long as the hub asks', async () => {
    hub.fail('/objects/batch', { status: 429, headers: { 'Retry-After': '1' } });
    const started = performance.now();
    await push();
    expect(performance.now() - started).toBeGreaterThan(950);
  });

  test('that breaks off shows nothing, and the next one sends only what is missing', async () => {
    hub.fail(
      `/lfs/${createHash('sha256').update(TOKENIZER).digest('hex')}`,
      ...Array.from({ length: 5 }, () => ({ refuse: true })),
    );
    await expect(push()).rejects.toThrow(/no answer after 5 tries/);
    expect(Object.keys(tip())).toEqual(['.gitattributes']);
    await new Promise((done) => setTimeout(done, 50)); // parts that were under way
    const before = hub.uploads.objects.size;
    hub.forget();
    await push();
    expect(uploads().length).toBe(before === 1 ? 1 : 4);
    expect(Object.keys(tip()).sort()).toEqual(EXPECTED);
  });

  test.each<[string, string, Fault, string]>([
    [
      '401',
      '/api/repos/create',
      { status: 401 },
      ': not allowed (401)\n  fix: set HF_TOKEN to a token that may write to it',
    ],
    [
      '403',
      '/commit/',
      { status: 403 },
      '@main: not allowed (403)\n  fix: set HF_TOKEN to a token that may write to it',
    ],
    [
      '409',
      '/commit/',
      { status: 409 },
      '@main: the branch changed during the push (409)\n  fix: push again; large files',
    ],
    ['500', '/commit/', { status: 500 }, '@main: refused by the hub (500)\n  fix: try again later; large files'],
    ['no answer', '/commit/', { refuse: true }, 'no answer after 1 try ('],
  ])('that the hub refuses with %s leaves the branch as it was', async (_, part, fault, message) => {
    hub.fail(part, fault);
    const error = await push().catch((caught: Error) => caught as Error);
    expect((error as Error).message).toContain(message);
    expect((error as Error).message).not.toContain(TOKEN);
    expect(Object.keys(tip()).filter((path) => path !== '.gitattributes')).toEqual([]);
  });

  test('does not undo a commit made meanwhile', async () => {
    hub.commit(name, { 'README.md': 'before' });
    const pushing = push({
      log: (line) => {
        if (line.startsWith('pushing')) hub.commit(name, { 'README.md': 'theirs' });
      },
    });
    await expect(pushing).rejects.toThrow('the branch changed during the push (412: A commit has happened since)');
    expect(String(tip()['README.md'])).toBe('theirs');
  });

  test('is refused before anything is asked where it cannot work', async () => {
    await expect(push({}, { token: false })).rejects.toThrow(
      `${name}: a push needs a token\n  fix: set HF_TOKEN to a token`,
    );
    await expect(push({}, { offline: true })).rejects.toThrow(
      `${name}: not possible offline\n  fix: unset HF_HUB_OFFLINE`,
    );
    await expect(push({}, {}, join(root, 'none'))).rejects.toThrow(
      `${join(root, 'none')}: no such folder\n  fix: give`,
    );
    mkdirSync(join(root, 'empty'), { recursive: true });
    await expect(push({}, {}, join(root, 'empty'))).rejects.toThrow('no files to push');
    expect(hub.asked).toEqual([]);
  });

  test('that is to be private does not go to a public repository', async () => {
    hub.commit(name, { 'README.md': 'before' });
    await expect(push({ private: true })).rejects.toThrow(`${name}: exists and is public\n  fix: make it private`);
    expect(commits()).toEqual([]);
  });

  test('of a folder of links, as the cache of the hub has it, pushes their contents', async () => {
    const copy = join(root, 'linked');
    cpSync(folder, copy, { recursive: true });
    rmSync(join(copy, 'README.md'));
    const { symlinkSync } = await import('node:fs');
    symlinkSync(join(folder, 'README.md'), join(copy, 'README.md'));
    await push({}, {}, copy);
    expect(String(tip()['README.md'])).toBe('# card');
  });
});
