/**
 * A file of texts to a file of vectors beside a plain loop: encode-file.js FOLDER PAIRS.jsonl.gz [COUNT] [PRECISION].
 * The loop encodes the same texts, 4,096 at a time, and keeps nothing; the command reads, encodes and writes .npy. Each in
 * a process of its own, in turns; COUNT is 20,000, a million for a look at the memory.
 */

import { execFileSync } from 'node:child_process';
import { createReadStream, createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { Embedder, useEngine } from '@uniem/core';
import { type Dataset, loadDataset } from '@uniem/data';

type Precision = 'fp32' | 'bf16';

const ROUNDS = 3;
const MEASURE = 'process.on("exit", () => console.error("peak", process.resourceUsage().maxRSS))';
const [first, second, third, fourth] = process.argv.slice(2) as [string, string, string?, string?];

if (first === '--loop') await loop(second, third as string, fourth as Precision);
else await compare(first, second, Number(third ?? 20_000), (fourth ?? 'fp32') as Precision);

async function loop(model: string, texts: string, precision: Precision): Promise<void> {
  await useEngine();
  const embedder = await Embedder.fromPretrained(model, { precision });
  let part: string[] = [];
  for await (const line of createInterface({ input: createReadStream(texts) })) {
    if (part.push(line) < 4096) continue;
    await embedder.encode(part, { progressBar: false });
    part = [];
  }
  await embedder.encode(part, { progressBar: false });
}

async function compare(model: string, pairs: string, count: number, precision: Precision): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'uniem-bench-'));
  try {
    const texts = join(folder, 'texts.txt');
    await writeTexts(texts, pairs, count);
    const cli = fileURLToPath(new URL('../../packages/cli/bin/uniem.js', import.meta.url));
    const ways: Record<string, string[]> = {
      loop: [fileURLToPath(import.meta.url), '--loop', model, texts, precision],
      command: [
        ...[cli, 'encode', '--model', model, '--input', texts, '--precision', precision],
        ...['--output', join(folder, 'vectors.npy')],
      ],
    };
    const seconds: Record<string, number[]> = { loop: [], command: [] };
    for (let round = 0; round < ROUNDS; round++) {
      for (const [name, args] of Object.entries(ways)) {
        const begin = performance.now();
        const node = ['--import', `data:text/javascript,${encodeURIComponent(MEASURE)}`];
        execFileSync(process.execPath, [...node, ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
        seconds[name]?.push((performance.now() - begin) / 1000);
      }
    }
    for (const [name, times] of Object.entries(seconds)) {
      const median = times.sort((a, b) => a - b)[ROUNDS >> 1] as number;
      console.log(`${name.padEnd(8)} ${median.toFixed(1)} s, ${(count / median).toFixed(0)} texts/s with its start`);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The texts of the pairs, again and again with a number, since one text twice is nobody's corpus. */
async function writeTexts(path: string, pairs: string, count: number): Promise<void> {
  const rows = [...((await loadDataset(pairs)) as Dataset)];
  const texts = rows.flatMap(({ text, text_pos }) => [`${text}`, `${text_pos}`]);
  const file = createWriteStream(path);
  for (let i = 0; i < count; i++) {
    const line = `${texts[i % texts.length]}${i < texts.length ? '' : ` ${Math.floor(i / texts.length)}`}\n`;
    if (!file.write(line)) await new Promise<void>((resolve) => file.once('drain', () => resolve()));
  }
  await new Promise<void>((resolve) => file.end(() => resolve()));
}
