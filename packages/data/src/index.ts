/** Records in. The public names of @uniem/data. */

export { type BatchOptions, batches, roundRobin } from './batches/batch.ts';
export { type ByteSource, LocalFile } from './bytes.ts';
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
export { readJsonl } from './readers/jsonl.ts';
export { NpyFile } from './readers/npy.ts';
export { readTextLines } from './readers/text-lines.ts';
export { sourceOf } from './records/provenance.ts';
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
} from './records/records.ts';
export { partRange } from './stream/node.ts';
export { ResumableFile, type RunOptions } from './writers/resumable-file.ts';
export type { VectorBlock, VectorShape, VectorType, VectorValues } from './writers/vector-format.ts';
export { requireFormat, VECTOR_FILES, VectorWriter, type VectorWriterOptions } from './writers/vector-writer.ts';
