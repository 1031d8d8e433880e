/** Lloyd's k-means from k-means++ beginnings, the best of several. N vectors, H values. */

import { Pcg64 } from '@uniem/data';

const BEGINNINGS = 10;
const MOST_ITERATIONS = 100;

/** @returns The cluster of each vector, below `count`. */
export function kMeans(x: readonly Float32Array[], count: number, seed = 42): number[] {
  const random = new Pcg64(seed);
  let best: { clusters: number[]; inertia: number } | undefined;
  for (let beginning = 0; beginning < BEGINNINGS; beginning++) {
    const found = lloyd(x, beginnings(x, count, random));
    if (!best || found.inertia < best.inertia) best = found;
  }
  return best?.clusters ?? [];
}

/** Each further center with a chance in proportion to its squared distance from those there are. */
function beginnings(x: readonly Float32Array[], count: number, random: Pcg64): Float64Array[] {
  const pick = (index: number) => Float64Array.from(x[index] as Float32Array);
  const centers = [pick(random.integers(0, x.length))];
  while (centers.length < count) {
    const distances = x.map((row) => Math.min(...centers.map((center) => distance(row, center))));
    const far = distances.some((value) => value > 0);
    centers.push(pick(far ? random.choice(distances) : random.integers(0, x.length)));
  }
  return centers;
}

function lloyd(x: readonly Float32Array[], centers: Float64Array[]): { clusters: number[]; inertia: number } {
  let clusters: number[] = [];
  let inertia = Number.POSITIVE_INFINITY;
  for (let iteration = 0; iteration < MOST_ITERATIONS; iteration++) {
    let sum = 0;
    const nearest = x.map((row) => {
      const distances = centers.map((center) => distance(row, center));
      const least = Math.min(...distances);
      sum += least;
      return distances.indexOf(least);
    });
    const settled = nearest.every((cluster, i) => cluster === clusters[i]);
    [clusters, inertia] = [nearest, sum];
    if (settled) break;
    for (const [k, center] of centers.entries()) {
      const members = x.filter((_, i) => clusters[i] === k);
      if (members.length === 0) continue; // an empty cluster stays where it is
      for (let h = 0; h < center.length; h++) {
        center[h] = members.reduce((total, row) => total + (row[h] as number), 0) / members.length;
      }
    }
  }
  return { clusters, inertia };
}

function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += ((a[i] as number) - (b[i] as number)) ** 2;
  return sum;
}
