/** What `uniem finetune` trains on, from its flags. */

import { OptionError } from '@uniem/core';
import { Dataset, IterableDataset, loadDataset } from '@uniem/data';
import type { TrainingDataDict } from '@uniem/finetuner';
import { z } from 'zod';

export const dataFlags = {
  data: z
    .string()
    .describe(
      'file, folder or pattern of jsonl, json, csv, tsv, parquet, arrow (also .gz), or owner/name[:configuration][@revision] of the hub',
    ),
  split: z.string().optional().describe('split to train on, as train[:1000]; train if left out'),
  evalData: z
    .string()
    .optional()
    .describe(
      "like --data: its validation, dev or test split, or its one file; --data's own validation or dev if left out",
    ),
  testSize: z
    .number()
    .positive()
    .optional()
    .describe('hold out so many records, below 1 a fraction, shuffled by --seed, as the validation set'),
  rename: z
    .array(z.string().regex(/^[^=]+=[^=]+$/, 'is not old=new'))
    .default([])
    .describe('columns to rename, as old=new; may be given several times'),
  streaming: z.boolean().default(false).describe('read records as they are used: nothing is held, or downloaded first'),
};

export type DataFlags = z.output<z.ZodObject<typeof dataFlags>>;

type Rows = Dataset | IterableDataset;
type Splits = Record<string, Rows | undefined>;

/** @throws OptionError for flags that disagree; DataError for what the files say against it. */
export async function openData({ seed, ...flags }: DataFlags & { seed: number }): Promise<TrainingDataDict> {
  const { data, split, evalData, testSize, streaming } = flags;
  if (testSize !== undefined && evalData !== undefined) {
    throw new OptionError('cannot be given beside --eval-data', '--test-size', 'give one of them');
  }
  const loaded = await loadDataset(data, { split, streaming });
  const splits: Splits = isRows(loaded) ? { train: loaded } : loaded;
  const train = renamed(splits.train as Rows, flags);
  if (testSize !== undefined) {
    if (train instanceof IterableDataset) {
      throw new OptionError('a stream cannot be split', '--test-size', 'leave --streaming out, or give --eval-data');
    }
    const parts = train.trainTestSplit({ testSize, seed });
    return { train: parts.train, validation: parts.test };
  }
  const validation =
    evalData === undefined ? (splits.validation ?? splits.dev) : evaluationOf(await loadDataset(evalData), evalData);
  return validation ? { train, validation: renamed(validation, flags) } : { train };
}

function evaluationOf(loaded: Rows | Splits, path: string): Rows {
  if (isRows(loaded)) return loaded;
  const found = loaded.validation ?? loaded.dev ?? loaded.test;
  if (found) return found;
  const names = Object.keys(loaded);
  if (names.length === 1) return loaded[names[0] as string] as Rows;
  throw new OptionError(`${path} has the splits ${names.join(', ')}`, '--eval-data', 'give one file of them');
}

function isRows(loaded: Rows | Splits): loaded is Rows {
  return loaded instanceof Dataset || loaded instanceof IterableDataset;
}

function renamed(rows: Rows, { rename }: Pick<DataFlags, 'rename'>): Rows {
  if (rename.length === 0) return rows;
  return rows.renameColumns(Object.fromEntries(rename.map((pair) => pair.split('=') as [string, string])));
}
