/** Records in. The public names of @uniem/data. */

export { batches } from './batch.ts';
export { Dataset, type DatasetDict } from './dataset.ts';
export { DataError } from './errors.ts';
export { loadDataset } from './load.ts';
export { readJsonl } from './readers/jsonl.ts';
export { inferRecordType, type RecordType, type Row, sourceOf, validateRecord } from './records.ts';
