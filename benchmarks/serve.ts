/**
 * Servers under load, one after the other: serve.js FOLDER PAIRS.jsonl.gz SECONDS PYTHON [INFINITY'S PYTHON].
 *
 * 64 clients post texts of mixed lengths, each its next when the answer is there. Then 8 clients post short texts, alone
 * and beside one that posts lists of 2,000 long ones.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { type Dataset, loadDataset } from '@uniem/data';

const [folder, pairs, secondsText, python, infinity] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string?,
];
const seconds = Number(secondsText);
const here = fileURLToPath(new URL('..', import.meta.url)); // benchmarks/
const CLIENTS = 64;
const SHORT_CLIENTS = 8;
const LONG_LIST = 2000;

const rows = [...((await loadDataset(pairs)) as Dataset)];
const sentences = rows.flatMap((row) => [row.text as string, row.text_pos as string]);

/** So many sentences from the i-th on, as one text. */
const textOf = (i: number, count: number) =>
  Array.from({ length: count }, (_, j) => sentences[(i + j) % sentences.length]).join(' ');

/** Of ten texts six are a sentence (about 10 tokens), three are five, one is twenty. */
const MIXED = Array.from({ length: 1000 }, (_, i) => textOf(31 * i, i % 10 < 6 ? 1 : i % 10 < 9 ? 5 : 20));
const SHORT = Array.from({ length: 1000 }, (_, i) => textOf(31 * i, 1));
const LONG = Array.from({ length: LONG_LIST }, (_, i) => textOf(17 * i, 25));

interface Answered {
  milliseconds: number[];
  seconds: number;
  /** Answers that were not 200. */
  failed: number;
}

const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });

/** @returns The status, when the whole answer has come. */
function post(port: number, body: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': body.length };
    const options = { port, host: '127.0.0.1', path: '/v1/embeddings', method: 'POST', agent, headers };
    const sent = request(options, (answer) => {
      answer.on('end', () => resolve(answer.statusCode ?? 0));
      answer.resume();
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

const bodyOf = (input: string | string[]) =>
  Buffer.from(JSON.stringify({ input, model: basename(folder), encoding_format: 'float' }));

/** Each client posts its next text when it has its answer, until the time is over. */
async function load(port: number, clients: number, texts: readonly string[], seconds: number): Promise<Answered> {
  const bodies = texts.map(bodyOf);
  const start = performance.now();
  const milliseconds: number[] = [];
  let [next, failed] = [0, 0];
  const client = async () => {
    while (performance.now() - start < 1000 * seconds) {
      const sent = performance.now();
      const status = await post(port, bodies[next++ % bodies.length] as Buffer);
      if (status === 200) milliseconds.push(performance.now() - sent);
      else failed++;
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  return { milliseconds, seconds: (performance.now() - start) / 1000, failed };
}

function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN;
}

/** The most resident memory that the process had, in MB. */
function peakMemory({ pid }: ChildProcess): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1000;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  await once(server.close(), 'close');
  return port;
}

/** @returns Why it will never be; undefined when it is. */
async function ready(port: number, server: ChildProcess): Promise<string | undefined> {
  for (let i = 0; i < 1200; i++) {
    if (server.exitCode !== null) return `ended with exit code ${server.exitCode}, its reason is above`;
    const status = await fetch(`http://127.0.0.1:${port}/health`).then(
      ({ status }) => status,
      () => 0,
    );
    if (status === 200) return undefined;
    await setTimeout(100);
  }
  return 'was not ready within two minutes';
}

async function measure(name: string, command: string, args: (port: number) => string[]): Promise<void> {
  const port = await freePort();
  const env = { ...process.env, HF_HUB_OFFLINE: '1', DO_NOT_TRACK: '1', OMP_NUM_THREADS: '2' };
  const server = spawn(command, args(port), { stdio: ['ignore', 'ignore', 'inherit'], env });
  const exited = once(server, 'exit');
  try {
    const reason = await ready(port, server);
    if (reason !== undefined) {
      console.log(`${name.padEnd(24)} ${reason}`);
      return;
    }
    await load(port, CLIENTS, MIXED, Math.min(5, seconds));
    const mixed = await load(port, CLIENTS, MIXED, seconds);
    const mixedMemory = peakMemory(server);
    const alone = await load(port, SHORT_CLIENTS, SHORT, seconds / 2);
    let lists = 0;
    let isOver = false;
    const bulk = (async () => {
      const body = bodyOf(LONG);
      while (!isOver) {
        if ((await post(port, body)) !== 200) throw new Error('the long list was refused');
        lists++;
      }
    })();
    await setTimeout(1000);
    const beside = await load(port, SHORT_CLIENTS, SHORT, seconds / 2);
    isOver = true;
    const [before, after] = [alone, beside].map(({ milliseconds }) => percentile(milliseconds, 0.99)) as [
      number,
      number,
    ];
    const rate = (mixed.milliseconds.length / mixed.seconds).toFixed(1);
    const [p50, p99] = [0.5, 0.99].map((part) => percentile(mixed.milliseconds, part).toFixed(0));
    const failed = mixed.failed + alone.failed + beside.failed;
    console.log(
      `${name.padEnd(24)} ${rate.padStart(7)} requests/s  p50 ${p50} ms  p99 ${p99} ms  peak ${mixedMemory.toFixed(0)} MB${failed > 0 ? `  ${failed} failed` : ''}\n` +
        `${''.padEnd(24)} short texts: p99 ${before.toFixed(0)} ms alone, ${after.toFixed(0)} ms beside lists of ${LONG_LIST} long ones (${(after / before).toFixed(2)}x)`,
    );
    await Promise.race([bulk, setTimeout(60_000, undefined, { ref: false })]);
    console.log(`${''.padEnd(24)} ${lists} lists answered  peak ${peakMemory(server).toFixed(0)} MB`);
  } finally {
    server.kill('SIGKILL');
    await exited;
  }
}

const uniem = join(here, '..', 'packages', 'cli', 'bin', 'uniem.js');
const ours = (port: number, precision: string) => [
  ...[uniem, 'serve', '--model', folder, '--port', String(port), '--precision', precision],
];
await measure('uniem serve fp32', process.execPath, (port) => ours(port, 'fp32'));
await measure('uniem serve bf16', process.execPath, (port) => ours(port, 'bf16'));
await measure('FastAPI', python, (port) => [join(here, 'peers', 'serve.py'), folder, String(port)]);
if (infinity) {
  await measure('infinity', infinity, (port) => [
    ...['-m', 'infinity_emb.infinity_server', 'v2', '--model-id', folder, '--served-model-name', basename(folder)],
    ...[
      '--engine',
      'torch',
      '--device',
      'cpu',
      '--port',
      String(port),
      '--url-prefix',
      '/v1',
      '--no-bettertransformer',
    ],
    ...['--dtype', 'float32', '--no-model-warmup'],
  ]);
}
