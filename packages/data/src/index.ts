/** Records in. The public names of @uniem/data. */

export { type BatchOptions, batches, roundRobin } from './batches/batch.ts';
export { adaptRecords } from './datasets/adapters.ts';
export { concatenateDatasets, interleaveDatasets } from './datasets/combine.ts';
export { Dataset, type DatasetDict } from './datasets/dataset.ts';
export { type Inspection, inspectRows, type TextColumn } from './datasets/inspect.ts';
export { IterableDataset, type IterableDatasetDict } from './datasets/iterable-dataset.ts';
export { type MixOptions, mixDatasets } from './datasets/mix.ts';
export { prefixColumns } from './datasets/prefix.ts';
export { validRecords } from './datasets/valid-records.ts';
export { DataError } from './errors.ts';
export { hubNameOf, type LoadOptions, loadDataset } from './loading/load.ts';
export { partsOf } from './loading/local-files.ts';
export { ADAPTERS, type Adapter, ON_BAD_RECORD, type OnBadRecord } from './names.ts';
export { Pcg64 } from './random.ts';
export { requireUsed, UnusedOptionError } from './readers/formats.ts';
export { readJsonl } from './readers/jsonl.ts';
export type { FileReport, FormatOptions } from './readers/reader.ts';
export { headerHint } from './records/known-names.ts';
export { classOf, numericLabel } from './records/labels.ts';
export { sourceOf } from './records/provenance.ts';
export {
  inferRecordType,
  type LabeledText,
  negativesOf,
  type Pair,
  RECORD_TYPES,
  type Records,
  type RecordType,
  type Row,
  type ScoredPair,
  type ScoredTriplet,
  type TextVector,
  type Triplet,
  unusedColumns,
  validateRecord,
} from './records/records.ts';
