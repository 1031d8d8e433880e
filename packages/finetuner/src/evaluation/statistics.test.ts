/** Against fixtures/evaluators/generate.py: scipy, scikit-learn, sentence-transformers. */

import { readFileSync } from 'node:fs';

import { Pcg64 } from '@uniem/data';
import { expect, test } from 'vitest';

import { kMeans } from './k-means.ts';
import { fitLogisticRegression, predict, probabilities } from './logistic-regression.ts';
import { averagePrecision, binaryMetrics, macroF1, pearson, spearman, vMeasure } from './statistics.ts';

const golden = JSON.parse(
  readFileSync(new URL('../../../../fixtures/evaluators/expected.json', import.meta.url), 'utf8'),
);

test("correlations are scipy's, with ties", () => {
  const { x, y, pearson: p, spearman: s } = golden.correlations;
  expect([pearson(x, y), spearman(x, y)]).toEqual([expect.closeTo(p, 12), expect.closeTo(s, 12)]);
  expect(pearson([1, 1], [1, 2])).toBeNaN();
});

test("the best thresholds are those of sentence-transformers, and average precision is scikit-learn's", () => {
  const { scores, labels, metrics } = golden.binary;
  const found = binaryMetrics(scores, labels.map(Boolean));
  for (const [name, value] of Object.entries(metrics)) {
    expect(found[name as keyof typeof found], name).toBeCloseTo(value as number, 12);
  }
  for (const { relevant, scores, ap } of golden.reranking) {
    expect(averagePrecision(scores, relevant.map(Boolean))).toBeCloseTo(ap, 12);
  }
  expect(averagePrecision([1, 2], [false, false])).toBe(0);
});

test.each(['classification', 'twoClasses'])("logistic regression is scikit-learn's: %s", async (name) => {
  const { x, labels, trained, accuracy, f1, predicted, probabilities: expected } = golden[name];
  const model = await fitLogisticRegression(x.slice(0, trained), labels.slice(0, trained));
  const found = x.slice(trained).map((row: number[]) => predict(model, row));
  expect(found).toEqual(predicted);
  const right = found.filter((label: number, i: number) => label === labels[trained + i]).length;
  expect(right / found.length).toBeCloseTo(accuracy, 12);
  expect(macroF1(labels.slice(trained), found)).toBeCloseTo(f1, 12);
  expected.forEach((row: number[], i: number) => {
    const ours = probabilities(model, x[trained + i]);
    row.forEach((probability, k) => {
      expect(ours[k]).toBeCloseTo(probability, 5);
    });
  });
});

test("V-measure is scikit-learn's, and clusters far apart are found", async () => {
  const { labels, clusters, vMeasure: expected, x, kMeans: found } = golden.clustering;
  expect(vMeasure(labels, clusters)).toBeCloseTo(expected, 12);
  const rows = x.map((row: number[]) => Float32Array.from(row));
  expect(vMeasure(labels, await kMeans(rows, 4))).toBeCloseTo(found, 12);
  expect(vMeasure(['a', 'a'], [0, 1])).toBe(0);
});

/** k-means by the definition, every distance in float64. */
function plainKMeans(x: readonly Float32Array[], count: number): number[] {
  const random = new Pcg64(42);
  const distance = (a: ArrayLike<number>, b: ArrayLike<number>) =>
    Array.from(a).reduce((sum, value, i) => sum + (value - (b[i] as number)) ** 2, 0);
  let best = { clusters: [] as number[], inertia: Number.POSITIVE_INFINITY };
  for (let beginning = 0; beginning < 10; beginning++) {
    const centers = [Array.from(x[random.integers(0, x.length)] as Float32Array)];
    while (centers.length < count) {
      const distances = x.map((row) => Math.min(...centers.map((center) => distance(row, center))));
      const any = distances.some((value) => value > 0);
      centers.push(Array.from(x[any ? random.choice(distances) : random.integers(0, x.length)] as Float32Array));
    }
    let found = { clusters: [] as number[], inertia: 0 };
    for (let iteration = 0; iteration < 100; iteration++) {
      const all = x.map((row) => centers.map((center) => distance(row, center)));
      const clusters = all.map((distances) => distances.indexOf(Math.min(...distances)));
      const settled = clusters.every((cluster, i) => cluster === found.clusters[i]);
      found = { clusters, inertia: all.reduce((sum, distances) => sum + Math.min(...distances), 0) };
      if (settled) break;
      centers.forEach((center, k) => {
        const members = x.filter((_, i) => clusters[i] === k);
        if (members.length === 0) return;
        center.forEach((_, h) => {
          center[h] = members.reduce((total, row) => total + (row[h] as number), 0) / members.length;
        });
      });
    }
    if (found.inertia < best.inertia) best = found;
  }
  return best.clusters;
}

test.each([
  ['of any values', 16, (value: number) => value],
  ['of few values, so that distances are equal', 2, (value: number) => Math.round(value)],
  ['that float32 sums cannot tell apart', 200, (value: number) => 1 + value * 1e-5],
])('k-means of vectors %s is the one by the definition', async (_, H, make) => {
  const random = new Pcg64(3);
  const x = Array.from({ length: 120 }, () =>
    Float32Array.from({ length: H }, () => make(random.integers(0, 4001) / 1000 - 2)),
  );
  expect(await kMeans(x, 7)).toEqual(plainKMeans(x, 7));
});
