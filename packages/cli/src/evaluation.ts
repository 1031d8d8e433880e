/** A task read from a file or folder, and a model measured on it. */

import { type EncodeTexts, OptionError } from '@uniem/core';
import { Dataset, type DatasetDict, type Row } from '@uniem/data';
import {
  evaluateRetrieval,
  evaluateTask,
  inferTask,
  type Metrics,
  type RetrievalOptions,
  type RetrievalTask,
  type TaskData,
  type TaskName,
} from '@uniem/finetuner';

import { withColumns } from './columns.ts';
import type { ColumnFlags, ReadingFlags } from './data-flags.ts';
import type { DatasetLoader } from './reading.ts';
import { isRetrievalFolder, readRetrievalFolder } from './retrieval-folder.ts';

export type TaskRecords = TaskData | RetrievalTask;

/** What texts are encoded by: an Embedder, or a provider that stands in for one. */
export interface TaskEncoder {
  encode: EncodeTexts;
  encodeQuery: EncodeTexts;
  encodeDocument: EncodeTexts;
}

export interface Measured {
  task: TaskName;
  records: number;
  metrics: Metrics;
}

export interface TaskFlags extends Pick<ColumnFlags, 'rename' | 'prefix'>, ReadingFlags {
  task: TaskName | undefined;
  split: string | undefined;
  /** text and text_pos change places. */
  swap: boolean;
}

/**
 * A file of records, a folder with train and test, or one of BEIR.
 *
 * @param loader Reads the records as the flags say.
 */
export async function readTask(path: string, flags: TaskFlags, loader: DatasetLoader): Promise<TaskRecords> {
  if (!isRetrievalFolder(path)) return readRecords(path, flags, loader);
  refuseForFolder(path, flags);
  return readRetrievalFolder(path, flags.split);
}

/** @param task Found by the fields of the records if left out. */
export async function measure(
  encoder: TaskEncoder,
  data: TaskRecords,
  options: RetrievalOptions,
  task?: TaskName,
): Promise<Measured> {
  if ('queries' in data) {
    const metrics = { ...(await evaluateRetrieval(encoder, data, options)) };
    return { task: 'retrieval', records: data.queries.length, metrics };
  }
  const chosen = task ?? inferTask(data);
  return { task: chosen, records: data.test.length, metrics: await evaluateTask(chosen, encoder, data, options) };
}

/** @throws OptionError for flags that a folder of queries and documents leaves no room for. */
function refuseForFolder(path: string, { task, swap, rename, prefix, ...reading }: TaskFlags): void {
  const { columns, delimiter, encoding, field, labelMap } = reading;
  const flags = {
    '--swap': swap,
    '--rename': rename.length > 0,
    '--prefix': prefix.length > 0,
    '--columns': columns.length > 0,
    '--delimiter': delimiter !== undefined,
    '--encoding': encoding !== undefined,
    '--field': field !== undefined,
    '--label-map': labelMap.length > 0,
  };
  const isOther = task !== undefined && task !== 'retrieval';
  const flag = isOther ? `--task ${task}` : Object.entries(flags).find(([, given]) => given)?.[0];
  if (flag) throw new OptionError(`${path} is a retrieval task of queries and a corpus`, flag, 'leave the flag out');
}

async function readRecords(
  path: string,
  { split, swap, rename, prefix }: TaskFlags,
  loader: DatasetLoader,
): Promise<TaskData> {
  const rowsOf = (rows: Dataset) =>
    [...withColumns(rows, { rename, prefix })].map(
      (row): Row => (swap ? { ...row, text: row.text_pos, text_pos: row.text } : row),
    );
  if (split !== undefined) return { test: rowsOf((await loader.load(path, { split })) as Dataset) };
  const loaded = (await loader.load(path, { withoutTrain: true })) as Dataset | Partial<DatasetDict>;
  if (loaded instanceof Dataset) return { test: rowsOf(loaded) };
  const [first] = Object.values(loaded);
  const test = loaded.test ?? loaded.validation ?? loaded.dev ?? first;
  const { train } = loaded;
  return { test: rowsOf(test as Dataset), train: train && train !== test ? rowsOf(train) : undefined };
}
