/**
 * Resident memory over a long life: memory.js FOLDER [ROUNDS]. Rounds of encode and training steps of ever other lengths,
 * each in a process of its own, under the C library's allocator and under jemalloc where it is installed. Exits with 1
 * where the second half of a run holds more than 3 % above the first, half for half by their most.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import * as tf from '@tensorflow/tfjs-core';
import { Embedder, packTokens, pairLoss, useEngine } from '@uniem/core';
import { AdamW } from '@uniem/finetuner';

const [folder, rounds = '500', work] = process.argv.slice(2) as [string, string?, ('encode' | 'train')?];
const ALLOCATORS = ['libjemalloc.so.2', 'libmimalloc.so.2'];
const LIBRARIES = ['/usr/lib/x86_64-linux-gnu', '/usr/lib64', '/usr/lib'];
const MOST_GROWTH = 1.03;

if (work === undefined) parent();
else {
  await useEngine({ backend: 'native' });
  const embedder = await Embedder.fromPretrained(folder);
  const resident: number[] = [];
  const round = work === 'encode' ? encodeRound(embedder) : trainRound(embedder);
  for (let i = 0; i < Number(rounds); i++) {
    await round(i);
    resident.push(residentBytes());
  }
  console.log(JSON.stringify({ resident, peak: process.resourceUsage().maxRSS * 1024 }));
}

/** The same 100 texts of 1 to 100 words. */
function encodeRound(embedder: Embedder): (round: number) => Promise<void> {
  const words = ['a', 'model', 'of', 'texts', 'learns', 'embeddings', 'quickly', 'from', 'pairs', 'there'];
  const texts = Array.from({ length: 100 }, (_, i) =>
    Array.from({ length: i + 1 }, (_, j) => words[(i * 7 + j * 3) % words.length]).join(' '),
  );
  return async () => void (await embedder.encode(texts, { progressBar: false }));
}

/** A step of 16 pairs whose texts have 4 to 63 tokens, no two batches alike. */
function trainRound(embedder: Embedder): (round: number) => Promise<void> {
  const variables = new Map([...embedder.parameters].filter(([name]) => !name.startsWith('pooler')));
  const optimizer = new AdamW({ weightDecay: 1e-3 });
  let state = 1;
  const next = (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) % below;
  };
  return async () => {
    const batch = packTokens(
      Array.from({ length: 32 }, () => Int32Array.from({ length: 4 + next(60) }, () => 1000 + next(20000))),
    );
    const { value, grads } = tf.variableGrads(() => {
      const embeddings = embedder.embed(batch);
      const part = (at: number) => tf.slice(embeddings, [at, 0], [16, -1]) as tf.Tensor2D;
      return pairLoss(part(0), part(16));
    }, [...variables.values()]);
    await value.data();
    optimizer.step(variables, new Map([...variables].map(([name, v]) => [name, grads[v.name] as tf.Tensor])), 5e-5);
    tf.dispose([value, ...Object.values(grads)]);
  };
}

function residentBytes(): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return Number(kilobytes) * 1024;
}

function parent(): void {
  const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`;
  const preloads = ALLOCATORS.map((name) => ({
    name,
    path: LIBRARIES.map((place) => `${place}/${name}`).find(existsSync),
  }));
  for (const { name, path } of [{ name: 'C library', path: '' }, ...preloads]) {
    if (path === undefined) {
      console.log(`${name}: not installed, left out`);
      continue;
    }
    for (const kind of ['encode', 'train'] as const) {
      const output = execFileSync(process.execPath, [fileURLToPath(import.meta.url), folder, rounds, kind], {
        encoding: 'utf8',
        env: path ? { ...process.env, LD_PRELOAD: path } : process.env,
      });
      const { resident, peak } = JSON.parse(output) as { resident: number[]; peak: number };
      const half = resident.length / 2;
      const [first, second] = [resident.slice(0, half), resident.slice(half)].map((values) => Math.max(...values));
      const growth = (second as number) / (first as number);
      if (growth > MOST_GROWTH) process.exitCode = 1;
      console.log(
        `${kind.padEnd(7)} ${name.padEnd(16)} first half ${megabytes(first as number)}, second ${megabytes(second as number)} ` +
          `(${growth.toFixed(3)}), peak ${megabytes(peak)}`,
      );
    }
  }
}
