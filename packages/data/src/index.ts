/** Records in. The public names of @uniem/data. */

export { batches } from './batch.ts';
export { concatenateDatasets, interleaveDatasets } from './combine.ts';
export { Dataset, type DatasetDict } from './dataset.ts';
export { DataError } from './errors.ts';
export { IterableDataset, type IterableDatasetDict } from './iterable-dataset.ts';
export { type LoadOptions, loadDataset } from './load.ts';
export { sourceOf } from './provenance.ts';
export { Pcg64 } from './random.ts';
export { readJsonl } from './readers/jsonl.ts';
export {
  inferRecordType,
  type Pair,
  RECORD_TYPES,
  type Records,
  type RecordType,
  type Row,
  type ScoredPair,
  type Triplet,
  validateRecord,
} from './records.ts';
