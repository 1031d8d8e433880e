/** Exported ONNX files in onnxruntime-node, in turns: export.js MODEL PAIRS. Time of a batch, sizes, and of the export itself. */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

import { Embedder, useEngine } from '@uniem/core';
import { exportModel } from '@uniem/export';
import { InferenceSession, Tensor } from 'onnxruntime-node';

const [model, pairs] = process.argv.slice(2) as [string, string];
const [TEXTS, ROUNDS] = [32, 15];

await useEngine({ backend: 'native' });
const embedder = await Embedder.fromPretrained(model);
const lines = gunzipSync(readFileSync(pairs)).toString('utf8').split('\n').slice(0, TEXTS);
const ids = lines.map((line) => embedder.tokenizer.encode((JSON.parse(line) as { text_pos: string }).text_pos, 256));
const S = Math.max(...ids.map(({ length }) => length));
const [tokens, mask] = [new BigInt64Array(TEXTS * S), new BigInt64Array(TEXTS * S)];
ids.forEach((own, b) => {
  tokens.set(Array.from(own, BigInt), b * S);
  mask.fill(1n, b * S, b * S + own.length);
});

const folder = mkdtempSync(join(tmpdir(), 'uniem-bench-'));
try {
  const start = performance.now();
  const precision = ['fp32', 'int8', 'int8-vnni'] as const;
  const output = join(folder, 'out');
  const { files } = await exportModel(embedder, { format: 'onnx', output, precision: [...precision], check: false });
  console.log(`export of ${precision.join(', ')}: ${((performance.now() - start) / 1000).toFixed(2)} s`);
  const sessions = await Promise.all(files.map(({ path }) => InferenceSession.create(join(output, path))));
  const seconds = files.map((): number[] => []);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, session] of sessions.entries()) {
      const given = { input_ids: tokens, attention_mask: mask, token_type_ids: new BigInt64Array(tokens.length) };
      const feeds = Object.entries(given).map(([name, values]) => [name, new Tensor('int64', values, [TEXTS, S])]);
      const before = performance.now();
      await session.run(Object.fromEntries(feeds), ['sentence_embedding']);
      seconds[i]?.push((performance.now() - before) / 1000);
    }
  }
  const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;
  const [first = 1] = seconds.map((values) => median([...values]));
  files.forEach(({ path, bytes }, i) => {
    const own = median(seconds[i] as number[]);
    const [size, time, ratio] = [bytes / 1e6, own * 1000, first / own].map((value) => value.toFixed(1).padStart(7));
    console.log(`${path.padEnd(36)} ${size} MB ${time} ms for ${TEXTS} texts of up to ${S} tokens ${ratio}x`);
  });
} finally {
  rmSync(folder, { recursive: true });
  embedder.dispose();
}
