/** The measures that evaluators are made of. Each agrees with the Python function its docstring names. */

/** scipy.stats.pearsonr; NaN where one side is constant. */
export function pearson(x: ArrayLike<number>, y: ArrayLike<number>): number {
  const [meanX, meanY] = [mean(x), mean(y)];
  let [product, squaresX, squaresY] = [0, 0, 0];
  for (let i = 0; i < x.length; i++) {
    const [dx, dy] = [(x[i] as number) - meanX, (y[i] as number) - meanY];
    product += dx * dy;
    squaresX += dx * dx;
    squaresY += dy * dy;
  }
  return product / Math.sqrt(squaresX * squaresY);
}

/** scipy.stats.spearmanr: Pearson's of the ranks; equal values share the mean of theirs. */
export function spearman(x: ArrayLike<number>, y: ArrayLike<number>): number {
  return pearson(ranks(x), ranks(y));
}

export function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] as number;
  return sum / values.length;
}

/** scipy.stats.rankdata, from 1. */
function ranks(values: ArrayLike<number>): Float64Array {
  const order = ascending(values);
  const found = new Float64Array(values.length);
  for (let begin = 0, end = 0; begin < order.length; begin = end) {
    while (end < order.length && values[order[end] as number] === values[order[begin] as number]) end++;
    for (let i = begin; i < end; i++) found[order[i] as number] = (begin + end + 1) / 2;
  }
  return found;
}

const ascending = (values: ArrayLike<number>) =>
  Array.from({ length: values.length }, (_, i) => i).sort((a, b) => (values[a] as number) - (values[b] as number));

/** Scores from the highest down in groups of equal ones, each with how many of it are positive. */
function groups(scores: ArrayLike<number>, positive: readonly boolean[]) {
  const order = ascending(scores).reverse();
  const found: { score: number; positives: number; size: number }[] = [];
  for (const index of order) {
    const score = scores[index] as number;
    const last = found.at(-1);
    const group = last?.score === score ? last : { score, positives: 0, size: 0 };
    if (group !== last) found.push(group);
    group.size += 1;
    if (positive[index]) group.positives += 1;
  }
  return found;
}

/** sklearn.metrics.average_precision_score: Σ (recall − recall before)·precision; 0 without a positive. */
export function averagePrecision(scores: ArrayLike<number>, positive: readonly boolean[]): number {
  const total = positive.filter(Boolean).length;
  let [seen, hits, sum] = [0, 0, 0];
  for (const group of groups(scores, positive)) {
    seen += group.size;
    hits += group.positives;
    sum += (group.positives / total) * (hits / seen);
  }
  return total === 0 ? 0 : sum;
}

/** The best that a threshold on the score can do. */
export interface BinaryMetrics {
  accuracy: number;
  accuracyThreshold: number;
  f1: number;
  f1Threshold: number;
  precision: number;
  recall: number;
  ap: number;
}

/** Those of sentence-transformers' BinaryClassificationEvaluator; a threshold lies between two scores. */
export function binaryMetrics(scores: ArrayLike<number>, positive: readonly boolean[]): BinaryMetrics {
  const total = positive.filter(Boolean).length;
  const found = groups(scores, positive);
  const negatives = positive.length - total;
  const metrics: BinaryMetrics = {
    accuracy: negatives / positive.length, // every pair told apart
    accuracyThreshold: found[0]?.score ?? 0,
    f1: 0,
    f1Threshold: 0,
    precision: 0,
    recall: 0,
    ap: averagePrecision(scores, positive),
  };
  let [seen, hits] = [0, 0];
  found.forEach(({ score, positives, size }, i) => {
    seen += size;
    hits += positives;
    const threshold = (score + (found[i + 1]?.score ?? score)) / 2;
    const accuracy = (hits + negatives - (seen - hits)) / positive.length;
    if (accuracy > metrics.accuracy) Object.assign(metrics, { accuracy, accuracyThreshold: threshold });
    const [precision, recall] = [hits / seen, hits / total];
    const f1 = hits === 0 ? 0 : (2 * precision * recall) / (precision + recall);
    if (f1 > metrics.f1) Object.assign(metrics, { f1, f1Threshold: threshold, precision, recall });
  });
  return metrics;
}

/** sklearn.metrics.v_measure_score: the harmonic mean of homogeneity and completeness. */
export function vMeasure(labels: readonly unknown[], clusters: readonly unknown[]): number {
  const [byLabel, byCluster] = [entropy(counts(labels)), entropy(counts(clusters))];
  const joint = entropy(counts(labels.map((label, i) => `${String(label)}\0${String(clusters[i])}`)));
  const shared = byLabel + byCluster - joint; // mutual information
  const homogeneity = byLabel === 0 ? 1 : shared / byLabel;
  const completeness = byCluster === 0 ? 1 : shared / byCluster;
  return homogeneity + completeness === 0 ? 0 : (2 * homogeneity * completeness) / (homogeneity + completeness);
}

function counts(values: readonly unknown[]): number[] {
  const found = new Map<unknown, number>();
  for (const value of values) found.set(value, (found.get(value) ?? 0) + 1);
  return [...found.values()];
}

function entropy(sizes: readonly number[]): number {
  const total = sizes.reduce((sum, size) => sum + size, 0);
  return -sizes.reduce((sum, size) => sum + (size / total) * Math.log(size / total), 0);
}

/** sklearn.metrics.f1_score with average='macro', over the labels of both sides. */
export function macroF1(labels: readonly unknown[], predicted: readonly unknown[]): number {
  const [there, hits] = [new Map<unknown, number>(), new Map<unknown, number>()];
  const count = (counts: Map<unknown, number>, name: unknown) => counts.set(name, (counts.get(name) ?? 0) + 1);
  for (const name of [...labels, ...predicted]) count(there, name); // in both: 2·TP + FP + FN
  labels.forEach((name, i) => {
    if (predicted[i] === name) count(hits, name);
  });
  return mean([...there].map(([name, total]) => (2 * (hits.get(name) ?? 0)) / total));
}
