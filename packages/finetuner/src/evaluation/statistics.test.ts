/** Against fixtures/evaluators/generate.py: scipy, scikit-learn, sentence-transformers. */

import { readFileSync } from 'node:fs';

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

test.each(['classification', 'twoClasses'])("logistic regression is scikit-learn's: %s", (name) => {
  const { x, labels, trained, accuracy, f1, predicted, probabilities: expected } = golden[name];
  const model = fitLogisticRegression(x.slice(0, trained), labels.slice(0, trained));
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

test("V-measure is scikit-learn's, and clusters far apart are found", () => {
  const { labels, clusters, vMeasure: expected, x, kMeans: found } = golden.clustering;
  expect(vMeasure(labels, clusters)).toBeCloseTo(expected, 12);
  const rows = x.map((row: number[]) => Float32Array.from(row));
  expect(vMeasure(labels, kMeans(rows, 4))).toBeCloseTo(found, 12);
  expect(vMeasure(['a', 'a'], [0, 1])).toBe(0);
});
