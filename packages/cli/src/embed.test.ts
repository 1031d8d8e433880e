/** `uniem embed` against a loopback service: formats, resuming after kills, what is shown. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { type Dataset, loadDataset } from '@uniem/data';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { KEYS, Loopback, vectorOf } from '../../providers/test/loopback.ts';

const command = fileURLToPath(new URL('../bin/uniem.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'uniem-embed-'));

/** How often a run is killed; 30 in a longer check: UNIEM_TEST_KILLS=30. */
const KILLS = Number(process.env.UNIEM_TEST_KILLS ?? 3);

let server: Loopback;
beforeAll(async () => {
  server = await Loopback.start();
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  for (const list of [server.received, server.faults, server.answered]) list.length = 0;
  server.delay = 0;
  server.hold = undefined;
});

/** Nothing of this machine's own keys and proxies. */
const clean = { PATH: process.env.PATH };

function start(args: string[], env: NodeJS.ProcessEnv = { OPENAI_API_KEY: KEYS.OPENAI_API_KEY }): ChildProcess {
  return spawn(process.execPath, [command, 'embed', ...args], { cwd: folder, env: { ...clean, ...env } });
}

interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

async function end(child: ChildProcess): Promise<Outcome> {
  const text = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (part: string) => {
      text[name] += part;
    });
  }
  const [code] = await once(child, 'close');
  for (const key of Object.values(KEYS)) {
    for (const form of [key, encodeURIComponent(key), Buffer.from(key).toString('base64')]) {
      expect(text.stdout + text.stderr).not.toContain(form);
    }
  }
  return { code, ...text };
}

const MODEL = ['--provider', 'openai', '--model', 'text-embedding-3-small'];
const flags = (input: string, output: string, ...more: string[]) => [
  ...[...MODEL, '--base-url', `${server.origin}/v1`, '--input', input, '--output', output, ...more],
];
const file = (name: string, content: string) => {
  writeFileSync(join(folder, name), content);
  return name;
};
const floats = (path: string, count: number) => {
  const bytes = readFileSync(join(folder, path));
  return Array.from({ length: count }, (_, i) => bytes.readFloatLE(bytes.length - 4 * (count - i)));
};

test('writes .npy, .jsonl and .parquet, pays for equal texts once, and says what it cost', async () => {
  const texts = ['猫坐在垫子上', 'a cat', '猫坐在垫子上'];
  const expected = texts.map((text) => [...vectorOf(text)]);
  file('three.txt', `${texts.join('\n')}\n`);
  const { code, stdout, stderr } = await end(start(flags('three.txt', 'three.npy')));
  expect(stderr).toBe(
    '3 texts, 1 request, 11 tokens; $0.00000022 at $0.02 per million tokens ' +
      '(https://developers.openai.com/api/docs/models/text-embedding-3-large, read 2026-11-25)\n',
  );
  expect([code, stdout]).toEqual([0, 'three.npy\n']);
  expect(server.received.map((request) => request.texts)).toEqual([['猫坐在垫子上', 'a cat']]);
  expect(floats('three.npy', 24)).toEqual(expected.flat());

  file('three.csv', `title,n\n${texts.map((text) => `${text},1\n`).join('')}`);
  expect((await end(start(flags('three.csv', 'three.jsonl', '--column', 'title')))).code).toBe(0);
  const lines = readFileSync(join(folder, 'three.jsonl'), 'utf8').trim().split('\n');
  expect(lines.map((line) => JSON.parse(line).embedding)).toEqual(expected);

  file('three-rows.jsonl', texts.map((text) => `${JSON.stringify({ text })}\n`).join(''));
  expect((await end(start(flags('three-rows.jsonl', 'three.parquet')))).code).toBe(0);
  const rows = (await loadDataset(join(folder, 'three.parquet'))) as Dataset;
  expect([...rows].map(({ embedding }) => embedding)).toEqual(expected);
  expect(readdirSync(folder).filter((name) => name.includes('journal') || name.includes('partial'))).toEqual([]);
});

test(`killed ${KILLS} times, it asks for no finished text again, and writes the same bytes`, {
  timeout: 60_000 + KILLS * 20_000,
}, async () => {
  const texts = Array.from({ length: 60 }, (_, i) => `第 ${i} 个文本`);
  const input = file('many.txt', texts.join('\n'));
  const slow = ['--batch-size', '2', '--concurrency', '3'];
  expect((await end(start(flags(input, 'unbroken.npy', ...slow)))).code).toBe(0);
  beforeKills();
  server.delay = 40;
  const journal = join(folder, 'killed.npy.journal');
  const recorded = () => {
    if (!existsSync(journal)) return new Set<string>();
    const whole = readFileSync(journal, 'utf8').split('\n').slice(1, -1);
    return new Set(whole.flatMap((line) => (JSON.parse(line).indices as number[]).map((i) => texts[i] as string)));
  };
  let asked = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const paid = recorded();
    const target = Math.floor((texts.length * (kill + 0.3)) / KILLS) - paid.size;
    server.received.length = server.answered.length = 0;
    const child = start(flags(input, 'killed.npy', ...slow));
    const ended = once(child, 'close');
    while (server.answered.length < target && child.exitCode === null) await setTimeout(2);
    await setTimeout((kill * 13) % 40); // also between two answers
    child.kill('SIGKILL');
    await ended;
    await setTimeout(2 * server.delay); // what was in flight is answered to nobody
    const again = server.received.flatMap((request) => request.texts).filter((text) => paid.has(text));
    expect(again).toEqual([]);
    asked += server.received.flatMap((request) => request.texts).length;
    expect(existsSync(join(folder, 'killed.npy'))).toBe(false);
  }
  const paid = recorded();
  expect(paid.size).toBeGreaterThan(0);
  server.received.length = 0;
  const { code, stderr } = await end(start(flags(input, 'killed.npy', ...slow)));
  expect(code, stderr).toBe(0);
  expect(stderr).toContain(`resuming: ${paid.size} of 60 texts are already embedded\n`);
  const last = server.received.flatMap((request) => request.texts);
  expect(last.sort()).toEqual(texts.filter((text) => !paid.has(text)).sort());
  expect(asked + last.length - texts.length).toBeLessThanOrEqual(KILLS * 3 * 2); // at most what was in flight
  expect(stderr).toContain(`60 texts, 30 requests, ${texts.join('').length} tokens; `);
  expect(readFileSync(join(folder, 'killed.npy')).equals(readFileSync(join(folder, 'unbroken.npy')))).toBe(true);
  expect(existsSync(journal)).toBe(false);
});

const beforeKills = () => {
  server.received.length = server.answered.length = 0;
};

test('a failure keeps what was paid; the next run names the text by its place in the input, or goes on', async () => {
  const input = file('bad.txt', 'one\none\ntwo\nthe poison\n');
  const first = await end(start(flags(input, 'bad.npy', '--batch-size', '1', '--concurrency', '1')));
  expect(first.code).toBe(1);
  expect(first.stderr).toBe(
    `ProviderError: openai text-embedding-3-small: '$.input' is invalid. [invalid_value] (HTTP 400); text 3 ("the poison")\n` +
      '  fix: correct or remove the text\n',
  );
  expect(existsSync(join(folder, 'bad.npy'))).toBe(false);
  file('bad.txt', 'one\none\ntwo\nthree\n'); // another input: the journal does not fit
  expect(readFileSync(join(folder, 'bad.npy.journal'), 'utf8')).not.toMatch(/sk-|one/); // neither keys nor texts
  const other = await end(start(flags(input, 'bad.npy')));
  expect(other.stderr).toMatch(/^OptionError: bad.npy.journal: belongs to an unfinished run with another input /);
  file('bad.txt', 'one\none\ntwo\nthe poison\n');
  server.received.length = 0;
  const again = await end(start(flags(input, 'bad.npy')));
  expect(again.stderr).toMatch(/^resuming: 2 of 3 texts are already embedded\nProviderError: /);
  expect(server.received.map((request) => request.texts)).toEqual([['the poison']]);
});

test('an output that is there is not paid for again, unless it is wanted', async () => {
  const input = file('one.txt', 'one\n');
  file('there.npy', 'something');
  const { code, stderr } = await end(start(flags(input, 'there.npy')));
  expect([code, stderr]).toEqual([
    1,
    'OptionError: there.npy: already exists\n  fix: choose another --output, or pass --overwrite to pay for it again\n',
  ]);
  expect(server.received).toHaveLength(0);
  expect((await end(start(flags(input, 'there.npy', '--overwrite')))).code).toBe(0);
  expect(floats('there.npy', 8)).toEqual([...vectorOf('one')]);
});

test('two runs at once on one output: the second is refused', async () => {
  let letGo = () => {};
  server.hold = new Promise((resolve) => {
    letGo = resolve;
  });
  const input = file('twice.txt', 'one\n');
  const first = start(flags(input, 'twice.npy'));
  const ended = end(first);
  while (server.received.length === 0) await setTimeout(5);
  const { code, stderr } = await end(start(flags(input, 'twice.npy')));
  expect([code, stderr]).toEqual([
    1,
    `DataError: twice.npy: process ${first.pid} on ${hostname()} is writing it\n` +
      '  fix: wait for it, choose another output, or delete twice.npy.journal.lock if that process is gone\n',
  ]);
  letGo();
  expect((await ended).code).toBe(0);
  expect(existsSync(join(folder, 'twice.npy.journal.lock'))).toBe(false);
});

test('goes through a proxy, and ends when it is done', async () => {
  const tunnels: string[] = [];
  const proxy = createServer().on('connect', (request, client) => {
    tunnels.push(request.url as string);
    const upstream = connect(Number(new URL(server.origin).port), '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      upstream.pipe(client).pipe(upstream);
    });
    upstream.on('error', () => client.destroy());
    client.on('error', () => upstream.destroy());
  });
  await once(proxy.listen(0, '127.0.0.1'), 'listening');
  const { port } = proxy.address() as AddressInfo;
  const input = file('proxied.txt', 'one\n');
  const proxied = ['--base-url', 'http://embeddings.invalid/v1', '--input', input, '--output', 'proxied.npy'];
  const env = { OPENAI_API_KEY: KEYS.OPENAI_API_KEY, HTTP_PROXY: `http://127.0.0.1:${port}` };
  const { code, stderr } = await end(start([...MODEL, ...proxied], env));
  proxy.close();
  expect(code, stderr).toBe(0);
  expect(stderr).toMatch(/^1 text, [^\n]*\n$/); // no warning of Node's
  expect(tunnels).toEqual(['embeddings.invalid:80']);
  expect(floats('proxied.npy', 8)).toEqual([...vectorOf('one')]);
});

test('keys come from .env, a misspelt one with a note; no output shows them, even with --debug', async () => {
  const input = file('note.txt', 'one\n');
  file('.env', `QIANFN_AK=${KEYS.QIANFAN_AK}\nQIANFAN_SK="${KEYS.QIANFAN_SK}"\n`);
  const qianfan = ['--provider', 'qianfan', '--model', 'Embedding-V1', '--base-url', server.origin, '--input', input];
  const { code, stderr } = await end(start([...qianfan, '--output', 'note.npy'], {}));
  expect(stderr).toBe(
    'note: QIANFN_AK is read as QIANFAN_AK\n' +
      '1 text, 1 request, 3 tokens; cost unknown (no price on record for qianfan Embedding-V1)\n',
  );
  expect(code).toBe(0);
  file('wrong.env', `OPENAI_API_KEY=${KEYS.OPENAI_API_KEY}x\n`);
  const wrong = await end(start([...flags(input, 'wrong.npy', '--env-file', 'wrong.env'), '--debug'], {}));
  expect(wrong.code).toBe(1);
  expect(wrong.stderr).toContain('Incorrect API key provided: Bearer ***');
  expect(existsSync(join(folder, 'wrong.npy.journal'))).toBe(false); // nothing was answered
  rmSync(join(folder, '.env'));
  const none = await end(start(flags(input, 'none.npy'), {}));
  expect(none.stderr).toBe(
    'ProviderError: openai text-embedding-3-small: OPENAI_API_KEY is not set\n  fix: set OPENAI_API_KEY in the environment or in .env\n',
  );
});
