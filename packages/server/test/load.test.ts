/** A server in a process of its own under more than its share: malformed requests, many clients, an end in the middle. */

import { createConnection } from 'node:net';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { Random } from '../../../fuzz/random.ts';
import { malformed } from './malformed.ts';
import { type ServeProcess, serveProcess } from './process.ts';
import { post, TINY } from './serving.ts';

const MALFORMED = Number(process.env.UNIEM_TEST_MALFORMED ?? 1500);
const SEED = Number(process.env.UNIEM_TEST_SEED ?? 1);
/** Seconds of 200 clients. */
const SECONDS = Number(process.env.UNIEM_TEST_SECONDS ?? 6);

/** MB that the heap may grow between two looks at it: young garbage is collected when V8 likes. */
const NOISE = 60;

const TEXTS = Array.from(
  { length: 20 },
  (_, i) => `the cat ${'sat on the mat '.repeat(i % 5)}${'dogs run '.repeat(i % 3)}`,
);

/** What each text's vector is when nothing else is asked. */
async function vectorsOf(url: string): Promise<number[][]> {
  return (await post(`${url}/embed`, { inputs: TEXTS })).json();
}

const isClose = (a: readonly number[], b: readonly number[]) =>
  a.length === b.length && a.every((value, i) => Math.abs(value - (b[i] as number)) < 1e-5);

describe('a server that goes on', () => {
  let server: ServeProcess;
  beforeAll(async () => {
    server = await serveProcess('--model', TINY, '--backend', 'native', '--max-body-bytes', '65536');
  });
  afterAll(async () => {
    await server.stop();
  });

  test(`answers ${MALFORMED} malformed requests of seed ${SEED} with 4xx, in flat memory`, {
    timeout: 3_600_000,
  }, async () => {
    const statuses = new Map<number, number>();
    let warm = Number.NaN;
    for (let i = 0; i < MALFORMED; i += 20) {
      const group = Array.from({ length: 20 }, (_, j) => malformed(new Random(SEED, i + j)));
      const answers = await Promise.all(group.map(({ bytes }) => statusOf(server.url, bytes)));
      answers.forEach((status, j) => {
        const { what } = group[j] as { what: string };
        expect(status >= 400 && status < 500, `case ${i + j}, ${what}: status ${status}`).toBe(true);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      });
      if (Number.isNaN(warm) && i >= MALFORMED / 2) warm = await server.memory();
    }
    for (const status of [400, 404, 413, 415]) expect(statuses.get(status), `${status}`).toBeGreaterThan(0);
    expect((await server.memory()) - warm).toBeLessThan(NOISE);
    expect((await vectorsOf(server.url)).length).toBe(TEXTS.length);
    expect(server.lines.filter((line) => line.startsWith('error'))).toEqual([]);
  });

  test(`answers 200 clients for ${SECONDS} s rightly, in flat memory`, { timeout: 3_600_000 }, async () => {
    const { url } = server;
    const expected = await vectorsOf(url);
    const end = performance.now() + SECONDS * 1000;
    let [answered, wrong] = [0, 0];
    const memory: number[] = [];
    const clients = Array.from({ length: 200 }, async (_, client) => {
      const random = new Random(SEED, client);
      while (performance.now() < end) {
        const picked = random.below(TEXTS.length);
        const response = await post(`${url}/embed`, { inputs: TEXTS[picked] });
        const [vector] = await response.json();
        answered++;
        if (response.status !== 200 || !isClose(vector, expected[picked] as number[])) wrong++;
        if (client === 0) memory.push(await server.memory());
      }
    });
    await Promise.all(clients);
    expect(wrong).toBe(0);
    expect(answered).toBeGreaterThanOrEqual(200); // each client at least once, on a slow machine too
    const half = memory.slice(0, Math.ceil(memory.length / 2));
    expect((await server.memory()) - Math.max(...half)).toBeLessThan(NOISE);
  });
});

describe('a server that ends under load', () => {
  test.each(['SIGKILL', 'SIGTERM'] as const)('%s: no answer is wrong, and no request hangs', async (signal) => {
    const server = await serveProcess('--model', TINY, '--backend', 'native', '--timeout', '20');
    const { url } = server;
    const expected = await vectorsOf(url);
    const outcomes = { right: 0, wrong: 0, refused: 0, broken: 0 };
    let longest = 0;
    let stopped = false;
    const clients = Array.from({ length: 30 }, async (_, client) => {
      const random = new Random(7, client);
      while (!stopped || outcomes.refused + outcomes.broken === 0) {
        const start = performance.now();
        const from = random.below(TEXTS.length - 5);
        try {
          const response = await post(`${url}/embed`, { inputs: TEXTS.slice(from, from + 5) });
          const vectors = await response.json();
          if (response.status === 503) outcomes.refused++;
          else if (vectors.every((vector: number[], i: number) => isClose(vector, expected[from + i] as number[]))) {
            outcomes.right++;
          } else outcomes.wrong++;
        } catch {
          outcomes.broken++;
        }
        longest = Math.max(longest, performance.now() - start);
      }
    });
    while (outcomes.right < 60) await new Promise((resolve) => setTimeout(resolve, 10));
    const ended = server.stop(signal);
    stopped = true;
    await Promise.all(clients);
    expect(outcomes.wrong).toBe(0);
    expect(outcomes.right).toBeGreaterThanOrEqual(60);
    expect(longest).toBeLessThan(20_000);
    expect(await ended).toEqual(signal === 'SIGKILL' ? { code: null, signal } : { code: 0, signal: null });
  });
});

/** The status of the answer to raw bytes. */
function statusOf(url: string, bytes: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(Number(new URL(url).port), '127.0.0.1');
    const parts: Buffer[] = [];
    const status = () => Number(/^HTTP\/1\.1 (\d{3})/.exec(Buffer.concat(parts).toString('latin1'))?.[1]);
    socket.on('data', (part) => parts.push(part));
    socket.on('error', (error) => (status() > 0 ? resolve(status()) : reject(error)));
    socket.on('close', () => resolve(status()));
    socket.on('end', () => socket.end());
    socket.write(bytes);
    socket.setTimeout(30_000, () => {
      socket.destroy(new Error(`no answer to ${JSON.stringify(bytes.toString('latin1').slice(0, 200))}`));
    });
  });
}
