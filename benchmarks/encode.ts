/** Texts a second of our encode: encode.js FOLDER PRECISION PAIRS.jsonl.gz COUNT. The peer is peers/encode.py. */

import { Embedder, useEngine } from '@uniem/core';
import { type Dataset, loadDataset } from '@uniem/data';

const [folder, precision, pairs, count] = process.argv.slice(2) as [string, 'fp32' | 'bf16', string, string];
const rows = [...((await loadDataset(pairs)) as Dataset)];
const texts = [...rows.map((row) => row.text_pos as string), ...rows.map((row) => row.text as string)].slice(
  0,
  Number(count),
);
await useEngine();
const embedder = await Embedder.fromPretrained(folder, { precision });
await embedder.encode(texts.slice(0, 64));
const start = performance.now();
await embedder.encode(texts);
console.log(JSON.stringify({ textsPerSecond: texts.length / ((performance.now() - start) / 1000) }));
