/** Evaluation tasks by name: what records they need, what they measure. N records, H values of an embedding. */

import { type EncodeTexts, OptionError } from '@uniem/core';
import { OBJECT, oneOf, requireKind, requireList } from '@uniem/core/arguments';
import { topK } from '@uniem/core/search';
import { classOf, DataError, headerHint, numericLabel, type Row, sourceOf } from '@uniem/data';

import { ROW, withMethods } from '../arguments.ts';
import { TASKS, type TaskName } from '../names.ts';
import { type EncodingOptions, encodeAll, searchMemory } from './encode-all.ts';
import { kMeans } from './k-means.ts';
import { fitLogisticRegression, predict } from './logistic-regression.ts';
import { evaluateRetrieval, type RetrievalOptions } from './retrieval.ts';
import { averagePrecision, binaryMetrics, macroF1, mean, pearson, spearman, vMeasure } from './statistics.ts';

export type Metrics = Record<string, number>;

/** What texts are encoded by: an Embedder. */
export type Encoder = { encode: EncodeTexts };

export interface TaskData {
  /** What is measured on. */
  test: readonly Row[];
  /** What classification learns from. */
  train?: readonly Row[] | undefined;
}

interface Task {
  /** Fields of a record: a text, a label, or a list of texts. */
  fields: Readonly<Record<string, 'text' | 'number' | 'label' | 'texts'>>;
  /** The metric by which models are compared. */
  main: string;
  measure(embedder: Encoder, data: TaskData, options: RetrievalOptions): Promise<Metrics>;
}

const PAIR = { text: 'text', text_pos: 'text' } as const;
const SCORED = { sentence1: 'text', sentence2: 'text', label: 'number' } as const;
const LABELLED = { text: 'text', label: 'label' } as const;

const DEFINITIONS = {
  retrieval: { fields: PAIR, main: 'ndcg@10', measure: retrieval },
  bitext: { fields: PAIR, main: 'f1', measure: bitext },
  triplet: { fields: { ...PAIR, text_neg: 'text' }, main: 'accuracy', measure: triplet },
  sts: { fields: SCORED, main: 'spearman', measure: sts },
  'pair-classification': { fields: SCORED, main: 'ap', measure: pairClassification },
  reranking: { fields: { query: 'text', positive: 'texts', negative: 'texts' }, main: 'map', measure: reranking },
  classification: { fields: LABELLED, main: 'accuracy', measure: classification },
  clustering: { fields: LABELLED, main: 'vMeasure', measure: clustering },
} as const satisfies Record<TaskName, Task>;

/** The metric by which models are compared on a task. */
export function mainMetric(task: TaskName): string {
  requireKind(task, TASK, 'task');
  return DEFINITIONS[task].main;
}

/**
 * Measures a model on a task.
 *
 * @throws DataError for a record that lacks a field, naming its place; OptionError where there is nothing to learn from.
 */
export async function evaluateTask(
  task: TaskName,
  embedder: Encoder,
  data: TaskData,
  options: RetrievalOptions = {},
): Promise<Metrics> {
  requireKind(task, TASK, 'task');
  requireKind(embedder, withMethods('encode'), 'embedder');
  requireData(data);
  if (options.quantization && task !== 'retrieval') {
    throw new OptionError(`${task} searches nothing`, 'quantization', 'leave it out, or measure retrieval');
  }
  if (data.test.length === 0) throw new DataError('no records to measure on', undefined, 'give at least one');
  for (const row of [...data.test, ...(data.train ?? [])]) requireFields(row, task);
  return DEFINITIONS[task].measure(embedder, withLabels(task, data), options);
}

/** Labels as the task takes them: numbers, where it needs numbers, also of what is written as text or true; else classes. */
function withLabels(task: TaskName, { test, train }: TaskData): TaskData {
  const { label: kind } = DEFINITIONS[task].fields as Task['fields'];
  if (kind === undefined) return { test, train };
  const labelled = (rows: readonly Row[]) =>
    rows.map((row) => {
      const label = kind === 'number' ? numericLabel(row.label) : classOf(row.label);
      return label === row.label ? row : { ...row, label };
    });
  return { test: labelled(test), train: train && labelled(train) };
}

/** The task that a record's fields tell: labels 0 and 1 alone mean pairs told apart; a training set, classification. */
export function inferTask(data: TaskData): TaskName {
  requireData(data);
  const { test, train } = data;
  const first = test[0] ?? {};
  const has = (task: TaskName) => Object.keys(DEFINITIONS[task].fields).every((field) => field in first);
  if (has('sts'))
    return test.every(({ label }) => [0, 1].includes(numericLabel(label) ?? Number.NaN))
      ? 'pair-classification'
      : 'sts';
  if (has('reranking')) return 'reranking';
  if (has('triplet')) return 'triplet';
  if (has('retrieval')) return 'retrieval';
  if (has('classification')) return train ? 'classification' : 'clustering';
  const known = TASKS.map((task) => Object.keys(DEFINITIONS[task].fields).join(' + '));
  const columns = Object.keys(first);
  const header = headerHint(columns);
  if (header)
    throw new DataError(`fields ${columns.join(', ')} belong to no task; ${header.what}`, sourceOf(first), header.fix);
  throw new DataError(
    `fields ${columns.join(', ')} belong to no task`,
    sourceOf(first),
    `rename them to one of ${[...new Set(known)].join('; ')}`,
  );
}

const TASK = oneOf(...TASKS);

function requireData(data: TaskData): void {
  requireKind(data, OBJECT, 'data');
  requireList(data.test, ROW, 'data.test');
  if (data.train !== undefined) requireList(data.train, ROW, 'data.train');
}

function requireFields(row: Row, task: TaskName): void {
  for (const [field, kind] of Object.entries(DEFINITIONS[task].fields)) {
    const value = row[field];
    const isRight =
      kind === 'text'
        ? typeof value === 'string'
        : kind === 'number'
          ? numericLabel(value) !== undefined
          : kind === 'label'
            ? classOf(value) !== undefined
            : Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === 'string');
    if (isRight) continue;
    const isWord = kind === 'number' && typeof value === 'string';
    const needed = kind === 'texts' ? 'a list of texts' : `a ${kind}`;
    throw new DataError(
      `${field} is ${typeof value === 'bigint' ? value : JSON.stringify(value)}, and ${task} needs ${needed}`,
      sourceOf(row),
      isWord
        ? 'give words their numbers with --label-map, or name another task'
        : 'correct the record, or name another task',
    );
  }
}

const column = (rows: readonly Row[], field: string) => rows.map((row) => row[field] as string);

/** [N, H], each of length 1: a dot product is a cosine. */
function encode(embedder: Encoder, rows: readonly Row[], field: string): Promise<Float32Array[]> {
  return embedder.encode(column(rows, field), { normalize: true });
}

async function cosines(embedder: Encoder, rows: readonly Row[], first: string, second: string): Promise<number[]> {
  const [a, b] = [await encode(embedder, rows, first), await encode(embedder, rows, second)];
  return a.map((vector, i) => dot(vector, b[i] as Float32Array));
}

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + value * (b[i] as number), 0);
}

/** text_pos finds text among all texts, as a question its answer; one that stands in several records finds them all. */
async function retrieval(embedder: Encoder, { test }: TaskData, options: RetrievalOptions): Promise<Metrics> {
  const answers = new Map<string, Map<number, number>>();
  column(test, 'text_pos').forEach((query, i) => {
    answers.set(query, (answers.get(query) ?? new Map()).set(i, 1));
  });
  const task = { queries: [...answers.keys()], documents: column(test, 'text'), relevant: [...answers.values()] };
  // Which of the two is the question, the records do not say: no prompts by role.
  const encode: EncodeTexts = (texts, given) => embedder.encode(texts, given);
  return { ...(await evaluateRetrieval({ encodeQuery: encode, encodeDocument: encode }, task, options)) };
}

/** Each text finds its translation among all; MTEB's accuracy and weighted F1. */
async function bitext(embedder: Encoder, { test }: TaskData, options: EncodingOptions): Promise<Metrics> {
  const encoded = (field: string) =>
    encodeAll((texts, given) => embedder.encode(texts, given), column(test, field), options);
  const [texts, translations] = [await encoded('text'), await encoded('text_pos')];
  const found: number[] = [];
  for await (const part of topK(texts, translations, 1, searchMemory(options))) {
    for (const [hit] of part) found.push(hit?.index ?? -1);
  }
  texts.close();
  translations.close();
  const right = found.map((index, i) => (index === i ? 1 : 0));
  return { accuracy: mean(right), f1: macroF1([...found.keys()], found) };
}

/** How often the positive is nearer than the negative. */
async function triplet(embedder: Encoder, { test }: TaskData): Promise<Metrics> {
  const positive = await cosines(embedder, test, 'text', 'text_pos');
  const negative = await cosines(embedder, test, 'text', 'text_neg');
  return { accuracy: mean(positive.map((score, i) => (score > (negative[i] as number) ? 1 : 0))) };
}

async function sts(embedder: Encoder, { test }: TaskData): Promise<Metrics> {
  const scores = await cosines(embedder, test, 'sentence1', 'sentence2');
  const labels = test.map(({ label }) => Number(label));
  return { spearman: spearman(scores, labels), pearson: pearson(scores, labels) };
}

async function pairClassification(embedder: Encoder, { test }: TaskData): Promise<Metrics> {
  const other = test.find(({ label }) => label !== 0 && label !== 1);
  if (other) throw new DataError(`label is ${other.label}`, sourceOf(other), 'give labels 0 and 1, or task sts');
  const scores = await cosines(embedder, test, 'sentence1', 'sentence2');
  const positive = test.map(({ label }) => label === 1);
  return { ...binaryMetrics(scores, positive) };
}

/** MTEB's: the mean average precision, and the reciprocal rank of the first right one among 10. */
async function reranking(embedder: Encoder, { test }: TaskData): Promise<Metrics> {
  const candidates = test.map((row) => [row.positive, row.negative] as [string[], string[]]);
  const queries = await encode(embedder, test, 'query');
  const all = await embedder.encode(
    candidates.flatMap((lists) => lists.flat()),
    { normalize: true },
  );
  let start = 0;
  const measured = candidates.map(([positive, negative], i) => {
    const end = start + positive.length + negative.length;
    const scores = all.slice(start, end).map((vector) => dot(queries[i] as Float32Array, vector));
    start = end;
    const isPositive = scores.map((_, j) => j < positive.length);
    const best = Math.max(...scores.slice(0, positive.length));
    const rank = 1 + scores.filter((score, j) => !isPositive[j] && score > best).length;
    return { ap: averagePrecision(scores, isPositive), rr: rank <= 10 ? 1 / rank : 0 };
  });
  return { map: mean(measured.map(({ ap }) => ap)), 'mrr@10': mean(measured.map(({ rr }) => rr)) };
}

/** Logistic regression on the embeddings of the training set, as MTEB's. */
async function classification(embedder: Encoder, { test, train }: TaskData): Promise<Metrics> {
  if (!train) throw new OptionError('classification needs a training set', 'task', 'give a folder with train and test');
  const model = await fitLogisticRegression(await encode(embedder, train, 'text'), column(train, 'label'));
  const predicted = (await encode(embedder, test, 'text')).map((vector) => predict(model, vector));
  const labels = column(test, 'label');
  return { accuracy: mean(labels.map((label, i) => (label === predicted[i] ? 1 : 0))), f1: macroF1(labels, predicted) };
}

/** k-means with as many clusters as labels. */
async function clustering(embedder: Encoder, { test }: TaskData): Promise<Metrics> {
  const labels = column(test, 'label');
  return { vMeasure: vMeasure(labels, await kMeans(await encode(embedder, test, 'text'), new Set(labels).size)) };
}
