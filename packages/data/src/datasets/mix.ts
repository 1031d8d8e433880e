/** Several datasets as one to train on. */

import { OBJECT } from '@uniem/hub/arguments';

import { requireKind, requireList, requireOptions, SEED } from '../arguments.ts';
import { DataError } from '../errors.ts';
import type { Row } from '../records/records.ts';
import { concatenateDatasets, interleaveDatasets } from './combine.ts';
import { Dataset } from './dataset.ts';
import { DATASET } from './either-dataset.ts';
import type { IterableDataset } from './iterable-dataset.ts';

export interface MixOptions {
  /**
   * How often each dataset is drawn, beside the others. The mix holds to the end: a dataset that is used up begins
   * anew until every row was given. Left out, every row is given once.
   */
  weights?: Readonly<Record<string, number>> | undefined;
  /** Of the draws. */
  seed: number;
}

/**
 * The rows of all datasets, each with the name of its own under `dataset` unless it has such a column: what batches of
 * one task go by. Datasets without weights come one after another, streams a row of each in turn.
 *
 * @throws DataError for weights that are not one above 0 for each dataset.
 */
export function mixDatasets(datasets: Readonly<Record<string, Dataset>>, options: MixOptions): Dataset;
export function mixDatasets(datasets: Readonly<Record<string, IterableDataset>>, options: MixOptions): IterableDataset;
export function mixDatasets(
  datasets: Readonly<Record<string, Dataset | IterableDataset>>,
  options: MixOptions,
): Dataset | IterableDataset;
export function mixDatasets(
  datasets: Readonly<Record<string, Dataset | IterableDataset>>,
  options: MixOptions,
): Dataset | IterableDataset {
  requireKind(datasets, OBJECT, 'datasets');
  requireList(Object.values(datasets), DATASET, 'datasets');
  requireOptions(options, { weights: OBJECT, seed: SEED }, 'mixDatasets');
  const { weights, seed } = options;
  const named = Object.entries(datasets).map(([name, rows]): Dataset | IterableDataset =>
    rows.map((row: Row) => ('dataset' in row ? {} : { dataset: name })),
  );
  if (weights) {
    const probabilities = shares(Object.keys(datasets), weights);
    return interleaveDatasets(named, { probabilities, seed, stoppingStrategy: 'all_exhausted' });
  }
  if (named.some((rows) => rows instanceof Dataset)) return concatenateDatasets(named);
  return interleaveDatasets(named, { stoppingStrategy: 'all_exhausted_without_replacement' });
}

function shares(names: readonly string[], weights: Readonly<Record<string, number>>): number[] {
  const given = names.map((name) => weights[name] ?? 0);
  if (given.some((weight) => !(weight > 0 && Number.isFinite(weight))) || Object.keys(weights).length > names.length) {
    throw new DataError(
      `weights are ${JSON.stringify(weights)} for the datasets ${names.join(', ')}`,
      'mixDatasets',
      'give each one above 0',
    );
  }
  const total = given.reduce((sum, weight) => sum + weight, 0);
  return given.map((weight) => weight / total);
}
