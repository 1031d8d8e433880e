/** What functions over datasets of both kinds take. */

import type { Kind } from '@uniem/hub/arguments';

import { Dataset } from './dataset.ts';
import { IterableDataset } from './iterable-dataset.ts';

export const DATASET: Kind = {
  name: 'a Dataset or an IterableDataset',
  is: (value) => value instanceof Dataset || value instanceof IterableDataset,
};
