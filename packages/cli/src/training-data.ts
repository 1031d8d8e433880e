/** What `uniem finetune` trains on, from its flags. */

import { OptionError } from '@uniem/core';
import { Dataset, IterableDataset, type MixOptions, mixDatasets, partsOf } from '@uniem/data';
import type { TrainingDataDict } from '@uniem/finetuner';

import { withColumns } from './columns.ts';
import type { DataFlags } from './data-flags.ts';
import { DatasetLoader } from './reading.ts';

type Rows = Dataset | IterableDataset;
type Splits = Record<string, Rows | undefined>;

/** @throws OptionError for flags that disagree; DataError for what the files say against it. */
export async function openData(flags: DataFlags & { seed: number }): Promise<TrainingDataDict> {
  const { data, dataWeights, evalData, onBadRecord, seed, testSize } = flags;
  if (testSize !== undefined && evalData !== undefined) {
    throw new OptionError('cannot be given beside --eval-data', '--test-size', 'give one of them');
  }
  const sources = data.flatMap(sourcesOf);
  const names = sources.map(({ name }) => name);
  if (dataWeights.length > 0 && dataWeights.length !== names.length) {
    throw new OptionError(`${dataWeights.length} for ${names.length} datasets`, '--data-weights', 'give one for each');
  }
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) {
    throw new OptionError(`${twice} is given twice`, '--data', 'give it once, with a larger --data-weights');
  }
  const loader = new DatasetLoader(flags, flags.rename);
  const trains: Record<string, Rows> = {};
  const held: Record<string, Rows> = {};
  for (const source of sources) {
    const { train, validation } = await openSource(source, flags, loader);
    trains[source.name] = train;
    if (validation) held[source.name] = validation;
  }
  if (evalData !== undefined) {
    const loaded = await loader.load(evalData, { onBadRecord });
    held[evalData] = withColumns(evaluationOf(loaded, evalData), flags);
  }
  loader.requireAllUsed();
  if (Object.values(trains).some(isScored)) tellClasses(loader.classes);
  const weights =
    dataWeights.length > 0 ? Object.fromEntries(names.map((name, i) => [name, dataWeights[i] as number])) : undefined;
  const mixed = (sets: Record<string, Rows>, options: MixOptions) =>
    names.length > 1 ? mixDatasets(sets, options) : (Object.values(sets)[0] as Rows);
  const train = mixed(trains, { weights, seed });
  return Object.keys(held).length > 0 ? { train, validation: mixed(held, { seed }) } : { train };
}

const isScored = (rows: Rows) =>
  rows instanceof Dataset && ['sentence1', 'label'].every((name) => rows.columnNames.includes(name));

/** Numbers of classes are in the order of their names' list, which is rarely how alike two texts are. */
function tellClasses(names: readonly string[] | undefined): void {
  if (!names) return;
  const shown = names.map((name, i) => `${i} ${name}`).join(', ');
  const map = names.map((name) => `${name}=…`).join(',');
  process.stderr.write(
    `warning: the labels are class numbers (${shown}), used as scores as they are; set others with --label-map ${map}\n`,
  );
}

/** What a --data names: itself, or each dataset of a folder of them, as M3E's is. */
interface Source {
  name: string;
  path: string;
  part: string | undefined;
}

function sourcesOf(path: string): Source[] {
  const parts = partsOf(path);
  return parts.length > 0 ? parts.map((part) => ({ name: part, path, part })) : [{ name: path, path, part: undefined }];
}

interface Opened {
  train: Rows;
  validation: Rows | undefined;
}

/** One --data with what is held out of it: its own validation set unless --eval-data takes its place. */
async function openSource(
  { path, part }: Source,
  flags: DataFlags & { seed: number },
  loader: DatasetLoader,
): Promise<Opened> {
  const { split, evalData, testSize, streaming, onBadRecord, seed } = flags;
  const loaded = await loader.load(path, { name: part, split, streaming, onBadRecord });
  const splits: Splits = isRows(loaded) ? { train: loaded } : loaded;
  const train = withColumns(splits.train as Rows, flags);
  if (testSize !== undefined) {
    if (!(train instanceof Dataset)) {
      throw new OptionError('a stream cannot be split', '--test-size', 'leave --streaming out, or give --eval-data');
    }
    const parts = train.trainTestSplit({ testSize, seed });
    return { train: atMost(parts.train, flags), validation: parts.test };
  }
  const own = evalData === undefined ? (splits.validation ?? splits.dev) : undefined;
  return { train: atMost(train, flags), validation: own && withColumns(own, flags) };
}

function atMost(rows: Rows, { maxSamples, seed }: Pick<DataFlags, 'maxSamples'> & { seed: number }): Rows {
  if (maxSamples === undefined) return rows;
  return rows instanceof Dataset ? rows.shuffle({ seed }).take(maxSamples) : rows.take(maxSamples);
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
