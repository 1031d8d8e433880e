/** Against a hub of ours on loopback: fixtures/hub/server.ts. */

import { spawn } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { etagOf, HubServer } from '../../../fixtures/hub/server.ts';
import { openRepository, type Repository, type RepositoryId } from './repository.ts';
import type { HubOptions } from './settings.ts';

let hub: HubServer;
let cacheDir: string;
const made: string[] = [];
const LARGE = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7919) % 251));
const FILES = { 'README.md': '# small', 'data/train.jsonl': LARGE, 'config.json': '{}' };
const ID: RepositoryId = { type: 'dataset', name: 'org/set' };

beforeAll(async () => {
  hub = await HubServer.start();
});
afterAll(async () => {
  await hub.stop();
  for (const folder of made) rmSync(folder, { recursive: true });
});
beforeEach(() => {
  hub.forget();
  cacheDir = mkdtempSync(join(tmpdir(), 'uniem-hub-'));
  made.push(cacheDir);
});

const options = (more: HubOptions = {}): HubOptions => ({
  endpoint: hub.endpoint,
  cacheDir,
  token: false,
  retryDelay: 1,
  ...more,
});
const open = (more?: HubOptions, id = ID) => openRepository(id, options(more));
const folder = () => join(cacheDir, 'datasets--org--set');
/** toEqual on a large Buffer looks at each byte as a property. */
const same = (a: Buffer, b: Buffer) => a.equals(b);
const fileRequests = () => hub.asked.filter(({ url }) => url.includes('/resolve/') && !url.includes('/api/'));

describe('a download', () => {
  test('lies in the cache as huggingface_hub keeps it', async () => {
    const commit = hub.commit('datasets/org/set', FILES);
    const repository = await open();
    expect(repository.commit).toBe(commit);
    const path = await repository.download('data/train.jsonl');
    expect(path).toBe(join(folder(), 'snapshots', commit, 'data', 'train.jsonl'));
    expect(same(readFileSync(path), LARGE)).toBe(true);
    expect(readFileSync(join(folder(), 'refs', 'main'), 'utf8')).toBe(commit);
    expect(readlinkSync(path)).toBe(join('..', '..', '..', 'blobs', etagOf(LARGE)));
    await repository.download('README.md');
    expect(readdirSync(join(folder(), 'blobs')).sort()).toEqual([etagOf(LARGE), etagOf(Buffer.from('# small'))].sort());
    expect(lstatSync(path).isSymbolicLink()).toBe(true);
  });

  test('happens once, whatever the number of branches that have the file', async () => {
    hub.commit('datasets/org/set', FILES);
    hub.commit('datasets/org/set', { ...FILES, 'config.json': '{"new":1}' }, { revision: 'next' });
    await (await open()).download('data/train.jsonl');
    await (await open()).download('data/train.jsonl');
    const next = await openRepository({ ...ID, revision: 'next' }, options());
    expect(same(readFileSync(await next.download('data/train.jsonl')), LARGE)).toBe(true);
    expect(fileRequests()).toHaveLength(2); // the hub and, by its redirect, the host of large files
  });

  test('of all files that are wanted, over several pages of the listing', async () => {
    const many = Object.fromEntries(Array.from({ length: 120 }, (_, i) => [`f/${i}.txt`, `content ${i}`]));
    hub.commit('datasets/org/many', many);
    const repository = await open({}, { type: 'dataset', name: 'org/many' });
    expect(await repository.files()).toHaveLength(120);
    const snapshot = await repository.downloadAll((path) => path.endsWith('9.txt'));
    expect(readdirSync(join(snapshot, 'f'))).toHaveLength(12);
  });

  test('of a model', async () => {
    hub.commit('org/model', { 'config.json': '{"a":1}' });
    const repository = await open({}, { type: 'model', name: 'org/model' });
    expect(readFileSync(await repository.download('config.json'), 'utf8')).toBe('{"a":1}');
  });

  test.each<[string, Parameters<HubServer['fail']>[1][]]>([
    ['the connection drops', [{ dropAfter: 1000 }, { dropAfter: 100_000 }, { dropAfter: 0 }]],
    ['the connection is refused', [{ refuse: true }, { refuse: true }]],
    ['the body is cut', [{ truncateAfter: 1234 }, { truncateAfter: 1 }]],
    ['the server fails', [{ status: 500 }, { status: 503 }]],
    ['too many requests were made', [{ status: 429, headers: { 'Retry-After': '0' } }]],
    ['the wait is a date', [{ status: 429, headers: { 'Retry-After': new Date(Date.now() - 1000).toUTCString() } }]],
    ['ranges are not served', [{ dropAfter: 1000 }, { noRanges: true }]],
    ['another content comes once', [{ content: Buffer.alloc(300_000) }]],
    ['a longer content comes once', [{ content: Buffer.alloc(400_000) }]],
  ])('is whole though %s', async (_, faults) => {
    hub.commit('datasets/org/set', FILES);
    const repository = await open();
    await repository.files();
    hub.fail('/blob/', ...faults);
    expect(same(readFileSync(await repository.download('data/train.jsonl')), LARGE)).toBe(true);
    expect(readdirSync(join(folder(), 'blobs'))).toEqual([etagOf(LARGE)]);
  });

  test('goes on where it broke off, in another process too', async () => {
    hub.commit('datasets/org/set', FILES);
    mkdirSync(join(folder(), 'blobs'), { recursive: true });
    writeFileSync(join(folder(), 'blobs', `${etagOf(LARGE)}.incomplete`), LARGE.subarray(0, 200_000));
    expect(same(readFileSync(await (await open()).download('data/train.jsonl')), LARGE)).toBe(true);
    expect(fileRequests().map(({ range }) => range)).toEqual(['bytes=200000-', 'bytes=200000-']);
  });

  test('begins anew where what was there is another content', async () => {
    hub.commit('datasets/org/set', FILES);
    mkdirSync(join(folder(), 'blobs'), { recursive: true });
    writeFileSync(join(folder(), 'blobs', `${etagOf(LARGE)}.incomplete`), Buffer.alloc(200_000));
    expect(same(readFileSync(await (await open()).download('data/train.jsonl')), LARGE)).toBe(true);
  });

  test('waits as long as the hub asks', async () => {
    hub.commit('datasets/org/set', FILES);
    const repository = await open();
    hub.fail('/resolve/', { status: 429, headers: { 'Retry-After': '1' } });
    const started = performance.now();
    await repository.download('README.md');
    expect(performance.now() - started).toBeGreaterThan(950);
  });

  test('tries five times, not more, and leaves nothing under a file’s name', async () => {
    hub.commit('datasets/org/set', FILES);
    const repository = await open();
    await repository.files();
    hub.forget();
    hub.fail('/resolve/', ...Array.from({ length: 20 }, () => ({ status: 503 })));
    await expect(repository.download('README.md')).rejects.toThrow(
      'org/set@main/README.md: the hub answers 503\n  fix: try again later',
    );
    expect(fileRequests()).toHaveLength(5);
    hub.forget();
    hub.fail('/blob/', ...Array.from({ length: 20 }, () => ({ dropAfter: 10 })));
    await expect(repository.download('data/train.jsonl')).rejects.toThrow(
      /^org\/set@main\/data\/train\.jsonl: no answer after 5 tries \(.+\)\n {2}fix: check the network, or set HF_ENDPOINT/,
    );
    expect(hub.asked.filter(({ host }) => host === 'cdn')).toHaveLength(5);
    expect(repository.cached('data/train.jsonl')).toBeUndefined();
    expect(readdirSync(join(folder(), 'blobs')).every((name) => name.endsWith('.incomplete'))).toBe(true);
    hub.forget();
    expect(same(readFileSync(await repository.download('data/train.jsonl')), LARGE)).toBe(true); // 50 bytes were kept
  });

  test('of another content than the hub names is refused', async () => {
    hub.commit('datasets/org/set', FILES);
    const repository = await open();
    await repository.files();
    hub.fail('/blob/', { content: Buffer.alloc(300_000) }, { content: Buffer.alloc(300_000) });
    await expect(repository.download('data/train.jsonl')).rejects.toThrow(
      `org/set@main/data/train.jsonl: its content is not ${etagOf(LARGE)}, which the hub names\n  fix: try again`,
    );
    expect(readdirSync(join(folder(), 'blobs'))).toEqual([]);
    expect(existsSync(join(folder(), 'snapshots'))).toBe(false);
  });

  test('stays at one commit though the branch moves', async () => {
    hub.commit('datasets/org/set', FILES);
    const repository = await open();
    hub.commit('datasets/org/set', { 'README.md': 'new' });
    expect(readFileSync(await repository.download('README.md'), 'utf8')).toBe('# small');
    expect(readFileSync(await (await open()).download('README.md'), 'utf8')).toBe('new');
  });

  test('never leaves its folder', async () => {
    hub.commit('datasets/org/evil', { '../../../evil.txt': 'x' });
    const repository = await open({}, { type: 'dataset', name: 'org/evil' });
    await expect(repository.download('../../../evil.txt')).rejects.toThrow(
      "a file named '../../../evil.txt'\n  fix: do not use",
    );
  });

  test('is shared by two processes: each has the file, one fetches it', async () => {
    hub.commit('datasets/org/set', FILES);
    const dist = fileURLToPath(new URL('../dist/index.js', import.meta.url));
    const script = `const { openRepository } = await import(${JSON.stringify(dist)});
      const repository = await openRepository(${JSON.stringify(ID)}, ${JSON.stringify(options())});
      process.stdout.write(await repository.download('data/train.jsonl'));`;
    const run = () =>
      new Promise<string>((resolve, reject) => {
        let output = '';
        const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
          stdio: ['ignore', 'pipe', 'inherit'],
        });
        child.stdout.on('data', (text) => {
          output += text;
        });
        child.on('exit', (code) => (code === 0 ? resolve(output) : reject(new Error(`exit ${code}`))));
      });
    const paths = await Promise.all([run(), run()]);
    for (const path of paths) expect(same(readFileSync(path), LARGE)).toBe(true);
    expect(hub.asked.filter(({ host }) => host === 'cdn')).toHaveLength(1);
    expect(readdirSync(join(cacheDir, '.locks', 'datasets--org--set'))).toEqual([]);
  });
});

describe('a repository', () => {
  test('that needs a token gets it, and the host of large files does not', async () => {
    hub.commit('datasets/org/private', FILES, { token: 'any-token' });
    const id: RepositoryId = { type: 'dataset', name: 'org/private' };
    await expect(open({}, id)).rejects.toThrow('org/private@main: not allowed (401)\n  fix: set HF_TOKEN');
    await expect(open({ token: 'wrong' }, id)).rejects.toThrow(
      'org/private@main: not allowed (401)\n  fix: check the token',
    );
    const repository = await open({ token: 'any-token' }, id);
    expect(same(readFileSync(await repository.download('data/train.jsonl')), LARGE)).toBe(true);
    const cdn = hub.asked.filter(({ host }) => host === 'cdn');
    expect(cdn.map(({ authorization }) => authorization)).toEqual([undefined]);
  });

  test('or file or revision that is not there is named', async () => {
    hub.commit('datasets/org/set', FILES);
    await expect(open({}, { type: 'dataset', name: 'org/none' })).rejects.toThrow(
      'org/none@main: not found (404)\n  fix: check the name of the dataset and the revision',
    );
    await expect(openRepository({ ...ID, revision: 'v9' }, options())).rejects.toThrow('org/set@v9: not found (404)');
    await expect((await open()).download('none.txt')).rejects.toThrow(
      'org/set@main/none.txt: not found in the repository\n  fix: check the name of the file',
    );
  });

  test('offline is what was downloaded', async () => {
    hub.commit('datasets/org/set', FILES);
    await (await open()).download('README.md');
    hub.forget();
    const repository = await open({ offline: true });
    expect((await repository.files()).map(({ path }) => path)).toEqual(['README.md']);
    expect(readFileSync(await repository.download('README.md'), 'utf8')).toBe('# small');
    await expect(repository.download('config.json')).rejects.toThrow(
      'org/set@main/config.json: not cached, and the hub is not asked\n  fix: load it once with network',
    );
    await expect(open({ offline: true }, { type: 'dataset', name: 'org/none' })).rejects.toThrow(
      'org/none: revision main is not cached, and HF_HUB_OFFLINE is set\n  fix: load it once with network',
    );
    expect(hub.asked).toEqual([]);
  });

  test('without network is what was downloaded, with a warning', async () => {
    hub.commit('datasets/org/set', FILES);
    await (await open()).download('README.md');
    const warnings: string[] = [];
    const listen = (warning: Error) => warnings.push(warning.message);
    process.on('warning', listen);
    hub.fail('/api/', ...Array.from({ length: 5 }, () => ({ refuse: true })));
    const repository = await open();
    expect(readFileSync(await repository.download('README.md'), 'utf8')).toBe('# small');
    await new Promise(setImmediate);
    process.off('warning', listen);
    expect(warnings[0]).toMatch(/no answer after 5 tries .+; using what was cached of org\/set/);
    hub.forget();
    hub.fail('/api/', ...Array.from({ length: 5 }, () => ({ refuse: true })));
    await expect(open({}, { type: 'dataset', name: 'org/other' })).rejects.toThrow('no answer after 5 tries');
  });
});

describe('a file read where it lies', () => {
  const bytesOf = async (repository: Repository, start = 0) => {
    const file = await repository.open('data/train.jsonl');
    const chunks: Uint8Array[] = [];
    for await (const chunk of file.stream(start)) chunks.push(chunk);
    return Buffer.concat(chunks);
  };

  test('gives ranges and nothing else', async () => {
    hub.commit('datasets/org/set', FILES);
    const file = await (await open()).open('data/train.jsonl');
    expect(file.name).toBe('org/set@main/data/train.jsonl');
    expect(await file.size()).toBe(300_000);
    expect(Buffer.from(await file.read(1000, 1010))).toEqual(LARGE.subarray(1000, 1010));
    expect(Buffer.from(await file.read(299_990, 400_000))).toEqual(LARGE.subarray(299_990));
    expect(await file.read(300_000, 300_001)).toHaveLength(0);
    const ranges = hub.asked.filter(({ host }) => host === 'cdn').map(({ range }) => range);
    expect(ranges).toEqual(['bytes=1000-1009', 'bytes=299990-299999']);
    expect(existsSync(join(folder(), 'blobs'))).toBe(false);
  });

  test.each<[string, Parameters<HubServer['fail']>[1][]]>([
    ['the connection drops', [{ dropAfter: 1000 }, { dropAfter: 100_000 }]],
    ['the body is cut', [{ truncateAfter: 1234 }, { truncateAfter: 0 }]],
    ['ranges are not served', [{ noRanges: true, dropAfter: 5000 }, { noRanges: true }]],
    ['the server fails', [{ status: 502 }]],
  ])('is whole though %s', async (_, faults) => {
    hub.commit('datasets/org/set', FILES);
    const repository = await open();
    hub.fail('/blob/', ...faults);
    expect(same(await bytesOf(repository), LARGE)).toBe(true);
    hub.fail('/blob/', ...faults);
    expect(same(await bytesOf(repository, 12_345), LARGE.subarray(12_345))).toBe(true);
  });

  test('that changes under its name is an error, not a mixture', async () => {
    hub.commit('datasets/org/set', FILES);
    const repository = await open();
    hub.fail('/blob/', { dropAfter: 1000 }, { content: Buffer.alloc(300_000) });
    await expect(bytesOf(repository)).rejects.toThrow(
      'org/set@main/data/train.jsonl: changed while it was read\n  fix: load it again, or name a revision',
    );
  });

  test('tries five times, not more', async () => {
    hub.commit('datasets/org/set', FILES);
    const repository = await open();
    const file = await repository.open('data/train.jsonl');
    hub.forget();
    hub.fail('/blob/', ...Array.from({ length: 9 }, () => ({ dropAfter: 3 })));
    await expect(file.read(0, 100)).rejects.toThrow('no answer after 5 tries');
    expect(hub.asked.filter(({ host }) => host === 'cdn')).toHaveLength(5);
  });
});
