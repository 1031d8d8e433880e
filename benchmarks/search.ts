/**
 * The nearest documents of random unit vectors: search.js [QUERIES] [DOCUMENTS] [VALUES] [K]. Prints what exact search by
 * matrix products takes, and the same sums in plain JavaScript on a hundredth of the queries.
 */

import { useEngine } from '@uniem/core';
import { dot, topK, vectorsInMemory } from '@uniem/core/search';

const [N = 3_000, M = 60_000, H = 384, K = 100] = process.argv.slice(2).map(Number);

let state = 1;
const next = () => {
  state = (state * 48271) % 2147483647;
  return state / 2147483647 - 0.5;
};
const unit = () => {
  const vector = Float32Array.from({ length: H }, next);
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
};
const vectors = (count: number) => Array.from({ length: count }, unit);

await useEngine({});
const [queries, documents] = [vectors(N), vectors(M)];
const begin = performance.now();
let hits = 0;
for await (const part of topK(vectorsInMemory(queries), vectorsInMemory(documents), K)) {
  for (const found of part) hits += found.length;
}
const seconds = (performance.now() - begin) / 1000;
if (hits !== N * Math.min(K, M)) throw new Error(`internal: ${hits} hits`);

const few = queries.slice(0, Math.ceil(N / 100));
const start = performance.now();
let best = 0;
for (const query of few) for (const document of documents) best = Math.max(best, dot(query, 0, document, 0, H));
const plain = ((performance.now() - start) / 1000) * (N / few.length);

const peak = process.resourceUsage().maxRSS / 1024;
console.log(`${N} queries, ${M} documents of ${H} values, the ${K} nearest: ${seconds.toFixed(2)} s`);
console.log(
  `dot products in plain JavaScript: ${plain.toFixed(1)} s (from ${few.length} queries, best ${best.toFixed(3)})`,
);
console.log(`peak ${peak.toFixed(0)} MB`);
