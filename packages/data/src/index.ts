/** Records in. The public names of @uniem/data. */

export { ADAPTERS, type Adapter, adaptRecords } from './adapters.ts';
export { type BatchOptions, batches, roundRobin } from './batch.ts';
export { concatenateDatasets, interleaveDatasets } from './combine.ts';
export { Dataset, type DatasetDict } from './dataset.ts';
export { DataError } from './errors.ts';
export { type Inspection, inspectRows, type TextColumn } from './inspect.ts';
export { IterableDataset, type IterableDatasetDict } from './iterable-dataset.ts';
export { hubNameOf, type LoadOptions, loadDataset } from './load.ts';
export { partsOf } from './local-files.ts';
export { type MixOptions, mixDatasets } from './mix.ts';
export { prefixColumns } from './prefix.ts';
export { sourceOf } from './provenance.ts';
export { Pcg64 } from './random.ts';
export { readJsonl } from './readers/jsonl.ts';
export { ON_BAD_RECORD, type OnBadRecord } from './readers/reader.ts';
export {
  inferRecordType,
  negativesOf,
  type Pair,
  RECORD_TYPES,
  type Records,
  type RecordType,
  type Row,
  type ScoredPair,
  type TextVector,
  type Triplet,
  validateRecord,
} from './records.ts';
export { validRecords } from './valid-records.ts';
