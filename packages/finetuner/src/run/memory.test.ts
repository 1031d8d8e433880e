/** A run holds no more memory at its end than after its first steps. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';

import { FineTuner } from './finetuner.ts';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

const tiny = fileURLToPath(new URL('../../../../fixtures/tiny-bert/model', import.meta.url));
const words = ['cat', 'dogs', 'the mat', 'run', 'catalog', 'end of'];

/** Texts of 1 to 24 words, so that every batch has other shapes. */
const text = (i: number) => Array.from({ length: 1 + (i % 24) }, (_, j) => words[(i + j) % words.length]).join(' ');

const ENGINES = ['tensorflow', 'native'] as const;

test.each(ENGINES)('tensors, bytes and process stay the same over an epoch of 200 steps on %s', async (backend) => {
  const outputDir = mkdtempSync(join(tmpdir(), 'uniem-memory-'));
  const rows = Array.from({ length: 200 * 16 }, (_, i) => ({ text: text(i), text_pos: text(3 * i + 1) }));
  const fineTuner = await FineTuner.fromPretrained(tiny, { dataset: rows, backend });
  const tensors = new Set<number>();
  const bytes = new Set<number>();
  const resident: number[] = [];
  await fineTuner.run(
    { outputDir, epochs: 1, batchSize: 16, dropout: 0.1, logInterval: 50 },
    {
      onStep: ({ step }) => {
        const { numTensors, numBytes } = tf.memory();
        if (step > 1) tensors.add(numTensors); // the first step makes the optimizer's moments
        if (step > 1) bytes.add(numBytes);
        if (step % 50 !== 0) return;
        gc();
        const { rss, heapTotal } = process.memoryUsage();
        resident.push((rss - heapTotal) / 2 ** 20); // V8 sizes its own heap as it likes: not the engine's memory
      },
    },
  );
  rmSync(outputDir, { recursive: true });
  expect([...tensors]).toHaveLength(1);
  expect([...bytes]).toHaveLength(1);
  // A step's activations are about 10 MiB: kept, they would be 1,500. An allocator settles within some 30.
  expect(resident).toHaveLength(4);
  expect((resident[3] as number) - (resident[0] as number), resident.map(Math.round).join(', ')).toBeLessThan(48);
});
