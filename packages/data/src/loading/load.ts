/** A dataset by its path or its name on the hub. */

import { existsSync } from 'node:fs';

import { type HubName, type HubOptions, parseHubName } from '@uniem/hub';
import { FLAG, type Kind, NAME, OBJECT, oneOf } from '@uniem/hub/arguments';

import { requireKind, requireOptions } from '../arguments.ts';
import { LocalFile } from '../bytes.ts';
import { concatenateDatasets } from '../datasets/combine.ts';
import { Dataset, type DatasetDict } from '../datasets/dataset.ts';
import { IterableDataset, type IterableDatasetDict } from '../datasets/iterable-dataset.ts';
import { TableBuilder } from '../datasets/table.ts';
import { DataError } from '../errors.ts';
import { ON_BAD_RECORD, type OnBadRecord } from '../names.ts';
import { arrowBatches, arrowColumns } from '../readers/arrow.ts';
import { explained, extensionOf, readBlocks, requireUsed } from '../readers/formats.ts';
import { classNamesOf } from '../readers/label-map.ts';
import {
  BadRecords,
  type ClassNames,
  type FileReport,
  type FormatOptions,
  READ_OPTIONS,
  type ReadOptions,
} from '../readers/reader.ts';
import { rowPrefix } from '../records/provenance.ts';
import type { FileOpener } from '../stream/sources.ts';
import type { DataFiles } from './data-files.ts';
import { isPattern } from './glob.ts';
import { hubClassNames, hubFiles, hubOpener } from './hub-files.ts';
import { localClassNames, localFiles } from './local-files.ts';
import { parseSplit, type SplitPart, splitRange } from './split-name.ts';

export interface LoadOptions extends FormatOptions {
  /** A configuration of a hub dataset; a folder within a folder. */
  name?: string | undefined;
  /** `train`, `train[:1000]`, `train+validation`, or `all` for the rows of every split; a dict of them if left out. */
  split?: string | undefined;
  /** Read rows as they are used: an IterableDataset, which downloads nothing it does not give. */
  streaming?: boolean | undefined;
  /** Branch, tag or commit of a hub dataset. */
  revision?: string | undefined;
  /** The columns to read, in this order. */
  columns?: readonly string[] | undefined;
  /** Names or patterns of files in the folder or repository: of train, or by split. */
  dataFiles?: DataFiles | undefined;
  /** Of the hub; HF_TOKEN if left out. */
  token?: string | false | undefined;
  /** Whether a dataset may have no split train, as one to measure on. */
  withoutTrain?: boolean | undefined;
  /** A record that cannot be read is an error, or is left out, counted and named. */
  onBadRecord?: OnBadRecord | undefined;
  /** Numbers for labels: of words, of the numbers of classes whose names are known, or of anything that a text names. */
  labelMap?: Readonly<Record<string, number>> | undefined;
  /** The column that labelMap is for; `label` if left out. */
  labelColumn?: string | undefined;
  /** Is told of each file how it was read: its encoding, its delimiter, its field. */
  onFile?: ((report: FileReport) => void) | undefined;
  /** Another hub or cache than the environment names. */
  hub?: HubOptions | undefined;
}

/**
 * Reads a file, a pattern of files, a folder, a folder that `datasets` saved, or a dataset of the Hugging Face hub.
 *
 * A file on its own, and one saved Dataset, is a Dataset; everything else is one by split.
 *
 * @throws DataError for a path that is not there, another kind of file, a missing split or no records; HubError for what
 *   the hub says against it.
 */
export async function loadDataset(
  path: string,
  options: LoadOptions & { streaming: true; split: string },
): Promise<IterableDataset>;
export async function loadDataset(
  path: string,
  options: LoadOptions & { streaming: true },
): Promise<IterableDataset | IterableDatasetDict>;
export async function loadDataset(
  path: string,
  options: LoadOptions & { split: string; streaming?: false },
): Promise<Dataset>;
export async function loadDataset(
  path: string,
  options?: LoadOptions & { streaming?: false | undefined },
): Promise<Dataset | DatasetDict>;
export async function loadDataset(
  path: string,
  options?: LoadOptions,
): Promise<Dataset | DatasetDict | IterableDataset | IterableDatasetDict>;
export async function loadDataset(
  path: string,
  options: LoadOptions = {},
): Promise<Dataset | DatasetDict | IterableDataset | IterableDatasetDict> {
  requireKind(path, NAME, 'path');
  requireOptions(options, OPTIONS, 'loadDataset');
  const found = await find(path, options);
  requireUsed([...found.splits.values()].flat(), options, path);
  if (options.split !== undefined) {
    const whole = options.split === 'all' && !found.splits.has('all');
    const parts = whole ? [...found.splits.keys()].flatMap(parseSplit) : parseSplit(options.split);
    for (const { split } of parts) if (!found.splits.has(split)) throw noSplit(split, found, path);
    return options.streaming ? streamOf(parts, found, options) : rowsOf(parts, found, options, path);
  }
  if (!options.withoutTrain && !found.splits.has('train')) throw noSplit('train', found, path);
  const loaded: [string, Dataset | IterableDataset][] = [];
  for (const split of found.splits.keys()) {
    const part = [{ split, from: undefined, to: undefined }];
    loaded.push([
      split,
      options.streaming ? await streamOf(part, found, options) : await rowsOf(part, found, options, path),
    ]);
  }
  const [only] = loaded;
  return found.alone && only ? only[1] : (Object.fromEntries(loaded) as DatasetDict | IterableDatasetDict);
}

const { classNames: _, ...READING } = READ_OPTIONS; // those are found
const OPTIONS: Record<string, Kind> = {
  ...READING,
  name: NAME,
  split: NAME,
  streaming: FLAG,
  revision: NAME,
  token: { name: 'a string, or false', is: (value) => NAME.is(value) || value === false },
  dataFiles: {
    name: 'a pattern, a list of them, or an object of them',
    is: (value) => NAME.is(value) || typeof value === 'object',
  },
  withoutTrain: FLAG,
  onBadRecord: oneOf(...ON_BAD_RECORD),
  hub: OBJECT,
};

/** Files by split, and how to open them. */
interface Found {
  splits: ReadonlyMap<string, readonly string[]>;
  alone: boolean;
  classNames?: ClassNames | undefined;
  opener(file: string, streaming: boolean): Promise<FileOpener>;
}

/** What of the hub a path names; undefined for a file, a folder or a pattern. */
export function hubNameOf(path: string): HubName | undefined {
  requireKind(path, NAME, 'path');
  return existsSync(path) || isPattern(path) || extensionOf(path) !== undefined ? undefined : parseHubName(path);
}

async function find(path: string, options: LoadOptions): Promise<Found> {
  const hubName = hubNameOf(path);
  if (!hubName) {
    const files = localFiles(path, options);
    const classNames = options.labelMap && localClassNames(path, options.name);
    return { ...files, classNames, opener: async (file) => () => new LocalFile(file) };
  }
  const files = await hubFiles(hubName.name, {
    name: options.name ?? hubName.configuration,
    revision: options.revision ?? hubName.revision,
    dataFiles: options.dataFiles,
    hub: { ...options.hub, ...(options.token === undefined ? {} : { token: options.token }) },
  });
  const classNames = options.labelMap && (await hubClassNames(files, options.name ?? hubName.configuration));
  return {
    splits: files.splits,
    alone: false,
    classNames,
    opener: (file, streaming) => hubOpener(files, file, streaming),
  };
}

function noSplit(split: string, found: Found, path: string): DataError {
  if (found.alone) {
    return new DataError(
      `no split '${split}' (it is all train)`,
      path,
      `leave split out, or give a folder with ${split}.jsonl`,
    );
  }
  const names = [...found.splits.keys()].join(', ') || 'none';
  return new DataError(`no split '${split}' (there are: ${names})`, path, `add ${split}.jsonl or name another split`);
}

async function streamOf(parts: readonly SplitPart[], found: Found, options: LoadOptions): Promise<IterableDataset> {
  const streams: IterableDataset[] = [];
  for (const part of parts) {
    const files: FileOpener[] = [];
    for (const file of found.splits.get(part.split) ?? []) files.push(await found.opener(file, true));
    const stream = IterableDataset.fromFiles(files, {
      ...readOptions(options, found),
      onBadRecord: options.onBadRecord,
    });
    streams.push(sliced(stream, part));
  }
  return streams.length === 1 ? (streams[0] as IterableDataset) : concatenateDatasets(streams);
}

function sliced(stream: IterableDataset, { from, to, split }: SplitPart): IterableDataset {
  if ([from, to].some((edge) => edge && (edge.percent || edge.value < 0))) {
    throw new DataError(
      `'${split}[…]' counts from the end or in percent`,
      'split',
      'give numbers of rows, or leave streaming out',
    );
  }
  const limited = to ? stream.take(to.value) : stream;
  return from ? limited.skip(from.value) : limited;
}

async function rowsOf(parts: readonly SplitPart[], found: Found, options: LoadOptions, path: string): Promise<Dataset> {
  const datasets: Dataset[] = [];
  for (const part of parts) {
    const builder = new TableBuilder();
    const bad = new BadRecords(options.onBadRecord);
    for (const file of found.splits.get(part.split) ?? []) {
      const open = await found.opener(file, false);
      await readInto(builder, open, { ...readOptions(options, found), bad });
    }
    bad.warn();
    const dataset = Dataset.fromTable(builder.finish(), bad);
    if (dataset.length === 0)
      throw new DataError('holds no records', whereOf(found, part.split, path), 'give at least one record');
    const [start, end] = splitRange(part, dataset.length);
    datasets.push(part.from || part.to ? dataset.skip(start).take(end - start) : dataset);
  }
  return datasets.length === 1 ? (datasets[0] as Dataset) : concatenateDatasets(datasets);
}

function whereOf(found: Found, split: string, path: string): string {
  const files = found.splits.get(split) ?? [];
  return found.alone && files.length === 1 ? (files[0] as string) : `${path}, split ${split}`;
}

function readOptions(options: LoadOptions, { classNames }: Found): ReadOptions {
  const { columns, columnNames, delimiter, encoding, field, labelMap, labelColumn, onFile } = options;
  return { columns, columnNames, delimiter, encoding, field, labelMap, labelColumn, onFile, classNames };
}

async function readInto(builder: TableBuilder, open: FileOpener, options: ReadOptions): Promise<void> {
  const file = open();
  if (extensionOf(file.name) !== '.arrow' || options.labelMap) {
    for await (const { rows } of readBlocks(file, options)) for (const row of rows) builder.add(row);
    return;
  }
  // Arrow is kept as the file has it.
  let before = 0;
  try {
    for await (const batch of arrowBatches(file)) {
      if (before === 0) {
        const classNames = classNamesOf(batch.schema.metadata.get('huggingface'));
        options.onFile?.({ file: file.name, classNames });
      }
      const columns = arrowColumns(batch, options.columns, file.name, before);
      builder.addArrow(columns, batch.numRows, rowPrefix(file.name), before);
      before += batch.numRows;
    }
  } catch (error) {
    throw await explained(error, file, '.arrow');
  }
}
