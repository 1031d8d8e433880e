/** Lloyd's k-means from k-means++ beginnings, the best of several. N vectors, H values. */

import * as tf from '@tensorflow/tfjs-core';
import { ensureEngine } from '@uniem/core';
import { Pcg64 } from '@uniem/data';

const BEGINNINGS = 10;
const MOST_ITERATIONS = 100;

/** Bytes of scores that are held at once. */
const SCORES = 2 ** 26;

/** @returns The cluster of each vector, below `count`. */
export async function kMeans(x: readonly Float32Array[], count: number, seed = 42): Promise<number[]> {
  const H = x[0]?.length ?? 0;
  if (H === 0) return [];
  await ensureEngine();
  const random = new Pcg64(seed);
  const lengths = Float64Array.from(x, (row) => Math.sqrt(row.reduce((sum, value) => sum + value * value, 0)));
  const step = Math.max(1, Math.floor(SCORES / 4 / count));
  const blocks: tf.Tensor2D[] = [];
  for (let start = 0; start < x.length; start += step) {
    blocks.push(tf.tensor2d(joined(x.slice(start, start + step)), [Math.min(step, x.length - start), H]));
  }
  try {
    let best: { clusters: number[]; inertia: number } | undefined;
    for (let beginning = 0; beginning < BEGINNINGS; beginning++) {
      const found = await lloyd(x, lengths, blocks, beginnings(x, count, random));
      if (!best || found.inertia < best.inertia) best = found;
    }
    return best?.clusters ?? [];
  } finally {
    tf.dispose(blocks);
  }
}

/** Each further center with a chance in proportion to its squared distance from those there are. */
function beginnings(x: readonly Float32Array[], count: number, random: Pcg64): Float64Array[] {
  const pick = (index: number) => Float64Array.from(x[index] as Float32Array);
  const centers = [pick(random.integers(0, x.length))];
  const distances = x.map(() => Number.POSITIVE_INFINITY);
  while (centers.length < count) {
    const last = centers.at(-1) as Float64Array;
    x.forEach((row, i) => {
      distances[i] = Math.min(distances[i] as number, distance(row, last));
    });
    const far = distances.some((value) => value > 0);
    centers.push(pick(far ? random.choice(distances) : random.integers(0, x.length)));
  }
  return centers;
}

async function lloyd(
  x: readonly Float32Array[],
  lengths: Float64Array,
  blocks: readonly tf.Tensor2D[],
  centers: Float64Array[],
): Promise<{ clusters: number[]; inertia: number }> {
  let clusters: number[] = [];
  let inertia = Number.POSITIVE_INFINITY;
  for (let iteration = 0; iteration < MOST_ITERATIONS; iteration++) {
    const { nearest, sum } = await assigned(x, lengths, blocks, centers);
    const settled = nearest.every((cluster, i) => cluster === clusters[i]);
    [clusters, inertia] = [nearest, sum];
    if (settled) break;
    const sums = centers.map((center) => new Float64Array(center.length));
    const members = new Uint32Array(centers.length);
    x.forEach((row, i) => {
      const cluster = nearest[i] as number;
      const total = sums[cluster];
      if (!total) return; // of a vector that is no number
      (members[cluster] as number) += 1;
      for (let h = 0; h < row.length; h++) (total[h] as number) += row[h] as number;
    });
    for (const [k, center] of centers.entries()) {
      const size = members[k] as number;
      if (size > 0) center.set((sums[k] as Float64Array).map((total) => total / size)); // an empty cluster stays where it is
    }
  }
  return { clusters, inertia };
}

/**
 * The nearest center of each vector, and the sum of the squared distances. Products on the engine tell which centers
 * may be the nearest, |c|² − 2x·c up to their rounding; the distance in float64 decides between them.
 */
async function assigned(
  x: readonly Float32Array[],
  lengths: Float64Array,
  blocks: readonly tf.Tensor2D[],
  centers: readonly Float64Array[],
): Promise<{ nearest: number[]; sum: number }> {
  const [K, H] = [centers.length, x[0]?.length ?? 0];
  const squares = Float64Array.from(centers, (center) => center.reduce((sum, value) => sum + value * value, 0));
  const longest = Math.sqrt(squares.reduce((a, b) => Math.max(a, b || 0), 0));
  const table = tf.tensor2d(joined(centers), [K, H]);
  const nearest: number[] = [];
  let sum = 0;
  for (const block of blocks) {
    const products = tf.tidy(() => tf.matMul(block, table, false, true));
    const values = (await products.data()) as Float32Array;
    products.dispose();
    for (let at = 0; at < values.length; at += K) {
      const row = x[nearest.length] as Float32Array;
      const error = 2 * (H + 4) * 2 ** -24 * (lengths[nearest.length] as number) * longest * 1.01;
      const value = (k: number) => (squares[k] as number) - 2 * (values[at + k] as number);
      let least = Number.POSITIVE_INFINITY;
      for (let k = 0; k < K; k++) if (value(k) < least) least = value(k);
      let [found, foundDistance] = [-1, Number.POSITIVE_INFINITY];
      for (let k = 0; k < K; k++) {
        if (value(k) > least + 2 * error) continue;
        const exact = distance(row, centers[k] as Float64Array);
        if (exact < foundDistance) [found, foundDistance] = [k, exact];
      }
      nearest.push(found);
      sum += foundDistance;
    }
  }
  table.dispose();
  return { nearest, sum };
}

function joined(rows: readonly ArrayLike<number>[]): Float32Array {
  const width = rows[0]?.length ?? 0;
  const values = new Float32Array(rows.length * width);
  rows.forEach((row, i) => {
    values.set(row, i * width);
  });
  return values;
}

function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += ((a[i] as number) - (b[i] as number)) ** 2;
  return sum;
}
