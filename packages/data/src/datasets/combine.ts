/** Several datasets as one: concatenate_datasets and interleave_datasets of Python's `datasets`. */

import { type Kind, NUMBER, oneOf } from '@uniem/hub/arguments';

import { requireList, requireOptions, SEED } from '../arguments.ts';
import { DataError } from '../errors.ts';
import { Pcg64 } from '../random.ts';
import { ConcatNode, InterleaveNode, STOPPING_STRATEGIES, type StoppingStrategy } from '../stream/combine.ts';
import { Dataset } from './dataset.ts';
import { DATASET } from './either-dataset.ts';
import { IterableDataset } from './iterable-dataset.ts';
import { TableBuilder } from './table.ts';

/** The rows of the first dataset, then of the next. */
export function concatenateDatasets(datasets: readonly Dataset[]): Dataset;
export function concatenateDatasets(datasets: readonly IterableDataset[]): IterableDataset;
export function concatenateDatasets(datasets: readonly (Dataset | IterableDataset)[]): Dataset | IterableDataset;
export function concatenateDatasets(datasets: readonly (Dataset | IterableDataset)[]): Dataset | IterableDataset {
  check(datasets, 'concatenateDatasets');
  if (allStreams(datasets)) return IterableDataset.fromNode(new ConcatNode(datasets.map(({ node }) => node)));
  return concatenated(datasets as readonly Dataset[]);
}

export interface InterleaveOptions {
  /** How often each dataset is picked; in turn if left out. */
  probabilities?: readonly number[];
  /** Of the picks; needed with probabilities. */
  seed?: number;
  stoppingStrategy?: StoppingStrategy;
}

/** A row of one dataset, then of another; the order that `datasets` gives. */
export function interleaveDatasets(datasets: readonly Dataset[], options?: InterleaveOptions): Dataset;
export function interleaveDatasets(datasets: readonly IterableDataset[], options?: InterleaveOptions): IterableDataset;
export function interleaveDatasets(
  datasets: readonly (Dataset | IterableDataset)[],
  options?: InterleaveOptions,
): Dataset | IterableDataset;
export function interleaveDatasets(
  datasets: readonly (Dataset | IterableDataset)[],
  options: InterleaveOptions = {},
): Dataset | IterableDataset {
  check(datasets, 'interleaveDatasets');
  requireOptions(options, OPTIONS, 'interleaveDatasets');
  const { probabilities, seed, stoppingStrategy = 'first_exhausted' } = options;
  if (probabilities) requireList(probabilities, NUMBER, 'probabilities');
  if (probabilities) checkProbabilities(probabilities, seed, datasets.length, stoppingStrategy);
  const choice = probabilities && { probabilities, random: new Pcg64(seed as number) };
  if (allStreams(datasets)) {
    return IterableDataset.fromNode(
      new InterleaveNode(
        datasets.map(({ node }) => node),
        stoppingStrategy,
        choice,
      ),
    );
  }
  const lists = datasets as readonly Dataset[];
  const lengths = lists.map(({ length }) => length);
  const empty = lengths.indexOf(0);
  if (empty >= 0 && probabilities?.[empty] !== 0) {
    throw new DataError(`dataset ${empty} is empty`, 'interleaveDatasets', 'leave it out');
  }
  return concatenated(lists).select(interleavedIndices(lengths, stoppingStrategy, choice));
}

const LIST: Kind = { name: 'an array', is: Array.isArray };
const OPTIONS = { probabilities: LIST, seed: SEED, stoppingStrategy: oneOf(...STOPPING_STRATEGIES) };

function concatenated(datasets: readonly Dataset[]): Dataset {
  const builder = new TableBuilder();
  for (const dataset of datasets) for (const row of dataset) builder.add(row);
  return Dataset.fromTable(builder.finish());
}

/** Indices into the concatenated rows. */
function* interleavedIndices(
  lengths: readonly number[],
  strategy: StoppingStrategy,
  choice: { probabilities: readonly number[]; random: Pcg64 } | undefined,
): Generator<number> {
  const offsets = lengths.map((_, i) => lengths.slice(0, i).reduce((sum, length) => sum + length, 0));
  const taken = lengths.map(() => 0);
  const drawable = lengths.map((_, i) => choice?.probabilities[i] !== 0);
  const done = () => lengths.map((length, i) => (taken[i] as number) >= length).filter((_, i) => drawable[i]);
  // In turn, the first_exhausted rounds are whole: sources after the shortest give their row of the last round too.
  const ended = () => (strategy === 'first_exhausted' ? done().includes(true) : !done().includes(false));
  for (let turn = 0; ; turn++) {
    const whole = choice || turn % lengths.length === 0;
    if (whole && ended()) return;
    const i = choice ? choice.random.choice(choice.probabilities) : turn % lengths.length;
    const length = lengths[i] as number;
    if (strategy === 'all_exhausted_without_replacement' && (taken[i] as number) >= length) continue;
    yield (offsets[i] as number) + ((taken[i] as number) % length);
    taken[i] = (taken[i] as number) + 1;
  }
}

function allStreams(datasets: readonly (Dataset | IterableDataset)[]): datasets is readonly IterableDataset[] {
  return datasets[0] instanceof IterableDataset;
}

function check(datasets: readonly (Dataset | IterableDataset)[], where: string): void {
  requireList(datasets, DATASET, 'datasets');
  if (datasets.length === 0) throw new DataError('no datasets', where, 'give at least one');
  const streams = datasets.filter((dataset) => dataset instanceof IterableDataset).length;
  if (streams === 0 || streams === datasets.length) return;
  throw new DataError(
    `${streams} streams among ${datasets.length} datasets`,
    where,
    'make all of them streams with toIterableDataset()',
  );
}

function checkProbabilities(
  probabilities: readonly number[],
  seed: number | undefined,
  count: number,
  strategy: StoppingStrategy,
): void {
  const where = 'interleaveDatasets';
  const sum = probabilities.reduce((total, value) => total + value, 0);
  if (probabilities.length !== count || probabilities.some((value) => !(value >= 0)) || Math.abs(sum - 1) > 1e-8) {
    throw new DataError(
      `probabilities are [${probabilities.join(', ')}] for ${count} datasets`,
      where,
      'give one from 0 on for each dataset; they sum to 1',
    );
  }
  if (strategy !== 'first_exhausted' && probabilities.includes(0)) {
    throw new DataError(`'${strategy}' with a probability of 0`, where, 'leave out the dataset that is never picked');
  }
  if (seed === undefined) throw new DataError('no seed', where, 'give a seed with probabilities');
}
