/** What a run is given to learn from: rows at hand, or a stream of them. */

import { OptionError } from '@uniem/core';
import { requireKind } from '@uniem/core/arguments';
import {
  DataError,
  Dataset,
  IterableDataset,
  inferRecordType,
  negativesOf,
  numericLabel,
  type OnBadRecord,
  type RecordType,
  type Row,
  sourceOf,
  unusedColumns,
  validateRecord,
  validRecords,
} from '@uniem/data';

import { LearnableCheck } from './learnable.ts';

/** Rows at hand, or a stream of them that can be read once an epoch. */
export type TrainingData = Dataset | Iterable<Row> | AsyncIterable<Row>;

/** A training set alone, or with the set whose loss is told after each epoch. */
export type TrainingDataDict = { train: TrainingData; validation?: TrainingData; dev?: TrainingData };

/** What the trainer reads: a stream has no length and no order of its own to shuffle. */
export type Rows = Dataset | AsyncIterable<Row>;

export interface TrainingRows {
  train: Rows;
  validation: Rows | undefined;
  recordType: RecordType;
  /** Triplets of the training set without a negative; of a stream it is not known. */
  withoutNegatives: number;
  /** What the records' owner is to be told before a run. */
  notes: string[];
}

/** Rows of a stream after which it is judged. */
const JUDGED = 1000;
/** Distinct words that an error names. */
const NAMED = 10;

/**
 * @param recordType Left out, found by the first record's fields.
 * @param onBadRecord With 'skip', records that nothing can be trained on are left out and counted.
 * @param warn Is told what shows only while a stream is read.
 * @throws DataError for an empty set, for the first record at hand that is not of the type, and where nothing can be
 * learned from the records at hand; those of a stream are checked as they come.
 */
export async function openTrainingData(
  dataset: TrainingData | TrainingDataDict,
  recordType: RecordType | undefined,
  onBadRecord: OnBadRecord = 'error',
  warn: (warning: string) => void = () => {},
): Promise<TrainingRows> {
  const dict = 'train' in dataset ? dataset : { train: dataset };
  const given = dict.validation ?? dict.dev;
  let [train, validation] = [toRows(dict.train, 'dataset'), given && toRows(given, 'validation')];
  const first = await firstRow(train);
  const columns = train instanceof Dataset ? train.columnNames : Object.keys(first ?? {}); // a stream may hold anything
  const type = recordType ?? typeOf(first, columns);
  const notes = unusedColumns(columns, type).map(
    ({ column, use }) => `column '${column}' is not used by record type ${type}; it looks like ${use}`,
  );
  if (onBadRecord === 'skip') {
    train = validRecords(train, type);
    validation = validation && validRecords(validation, type);
    if (train instanceof Dataset) await firstRow(train);
  }
  if (validation instanceof Dataset) for (const row of validation) validateRecord(row, type);
  if (!(train instanceof Dataset)) {
    const see = streamWatch(type, recordType === undefined, warn);
    return { train: watched(train, see), validation, recordType: type, withoutNegatives: 0, notes };
  }
  if (type === 'scored_pair') requireNumericLabels(train);
  const check = new LearnableCheck(type);
  let withoutNegatives = 0;
  for (const row of train) {
    const record: Row = validateRecord(row, type);
    check.add(record);
    if (isTriplet(type) && negativesOf(record).length === 0) withoutNegatives += 1;
  }
  const problem = check.problem();
  if (problem?.isRefused) throw new DataError(problem.what, 'the training set', problem.fix);
  if (problem) notes.push(`${problem.what}; ${problem.fix}`);
  if (withoutNegatives > 0) notes.push(mixNote(type, withoutNegatives, train.length));
  return { train, validation, recordType: type, withoutNegatives, notes };
}

const isTriplet = (type: RecordType) => type === 'triplet' || type === 'scored_triplet';

/** The type of the first record; where only later ones have negatives, they are triplets all the same. */
function typeOf(first: Row, columns: readonly string[]): RecordType {
  const type = inferRecordType(first);
  const hasNegatives = type === 'pair' && unusedColumns(columns, type).some(({ column }) => /^text_neg/.test(column));
  return hasNegatives ? 'triplet' : type;
}

function mixNote(type: RecordType, without: number, all: number): string {
  const which = without === all ? 'no record has' : `${without} of ${all} records have no`;
  return type === 'scored_triplet'
    ? `${which} negatives: a score has nothing to be compared with there`
    : `${which} negatives: the other positives of the batch are used as negatives throughout (inBatchPositives)`;
}

/** @throws DataError that names the words that stand where numbers have to. */
function requireNumericLabels(rows: Dataset): void {
  const words = new Map<string, string | undefined>();
  for (const row of rows) {
    const { label } = row;
    if (typeof label !== 'string' || !/\p{L}/u.test(label) || numericLabel(label) !== undefined) continue;
    if (!words.has(label)) words.set(label, sourceOf(row));
    if (words.size > NAMED) break;
  }
  if (words.size === 0) return;
  const [[, where] = []] = words;
  const names = [...words.keys()].sort();
  const shown = [...names.slice(0, NAMED), ...(names.length > NAMED ? ['…'] : [])].join(', ');
  const fix = `give each a number: --label-map ${names
    .slice(0, NAMED)
    .map((name, i) => `${name}=${i}`)
    .join(',')} with your numbers (option labelMap)`;
  throw new DataError(`labels are words, not numbers: ${shown}`, where, fix);
}

/** What is told, once, of a stream's records as they come. @throws DataError for negatives that would be dropped. */
function streamWatch(type: RecordType, isInferred: boolean, warn: (warning: string) => void): (row: Row) => void {
  const check = new LearnableCheck(type);
  let isMixTold = false;
  return (row) => {
    if (type === 'pair' && isInferred && negativesOf(row).length > 0) {
      const fix = 'give record type triplet (--record-type triplet)';
      throw new DataError('has negatives, but the first record of the stream has none', sourceOf(row), fix);
    }
    if (type === 'triplet' && !isMixTold && negativesOf(row).length === 0) {
      isMixTold = true;
      warn('a record has no negatives: the other positives of its batch are used as negatives');
    }
    if (check.count >= JUDGED) return;
    check.add(row);
    const problem = check.count === JUDGED ? check.problem() : undefined;
    if (problem) warn(`in the first ${JUDGED} records, ${problem.what}; ${problem.fix}`);
  };
}

/** The same rows, each seen after it was found to be valid. */
function watched(rows: AsyncIterable<Row>, see: (row: Row) => void): AsyncIterable<Row> {
  if (rows instanceof IterableDataset) {
    return rows.filter((row) => {
      see(row);
      return true;
    });
  }
  return {
    async *[Symbol.asyncIterator]() {
      for await (const row of rows) {
        see(row);
        yield row;
      }
    },
  };
}

function toRows(data: TrainingData, name: string): Rows {
  const isRows = (value: unknown) =>
    typeof value === 'object' && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value);
  requireKind(data, { name: 'a Dataset or an iterable of records', is: isRows }, name);
  if (data instanceof Dataset) return data;
  if (Symbol.iterator in data) return Dataset.fromRows(data);
  if ((data[Symbol.asyncIterator]() as unknown) !== data) return data;
  throw new OptionError(
    'a generator is read once, but training reads its data again every epoch',
    'dataset',
    'give an object whose [Symbol.asyncIterator]() begins anew, or a Dataset',
  );
}

async function firstRow(rows: Rows): Promise<Row> {
  for await (const row of rows) return row;
  throw new DataError('the training set is empty', undefined, 'give at least one record');
}

/** Another order for every seed; of a streamed dataset, by a buffer of so many records. */
export function shuffled(rows: Rows, seed: number, bufferSize: number): Rows {
  if (rows instanceof Dataset) return rows.shuffle({ seed });
  if (rows instanceof IterableDataset) return rows.shuffle({ seed, bufferSize });
  throw new OptionError(
    'a stream cannot be shuffled',
    'shuffle',
    'give a Dataset or an IterableDataset, or leave shuffle out',
  );
}
