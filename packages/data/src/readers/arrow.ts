/** Arrow IPC, the stream format that `datasets` saves and the file format alike, compressed or not; read as a stream. */

import { CompressionType, compressionRegistry, type Data, type RecordBatch, RecordBatchReader } from 'apache-arrow';
import { decompress as decodeZstd } from 'fzstd';

import { type ByteSource, contentOf } from '../bytes.ts';
import { DataError } from '../errors.ts';
import { rememberSource, rowPrefix } from '../records/provenance.ts';
import { damageOf } from './arrow-check.ts';
import { checkedMessages } from './arrow-messages.ts';
import { arrowValues } from './arrow-values.ts';
import { classNamesOf } from './label-map.ts';
import { decodeLz4Frame } from './lz4-frame.ts';
import { type Block, missingColumn, type Position, type ReadOptions } from './reader.ts';
import { rowsFromColumns } from './rows.ts';

/** Rows a block. */
const ROWS = 1024;
/** The file format is this, the stream, and a footer that a stream's reader has no use for. */
const FILE_MAGIC = Buffer.from('ARROW1\0\0');

compressionRegistry.set(CompressionType.LZ4_FRAME, { decode: decodeLz4Frame });
// A copy: fzstd gives a part of a larger buffer, and Arrow's typed arrays must begin at a multiple of 8.
compressionRegistry.set(CompressionType.ZSTD, { decode: (bytes) => decodeZstd(bytes).slice() });

/** A block is up to 1,024 rows of a record batch; its position is a batch, a row in it and the rows before. */
export async function* arrowBlocks(
  file: ByteSource,
  { columns }: ReadOptions = {},
  from: Position = { batch: 0, row: 0, before: 0 },
): AsyncGenerator<Block> {
  const prefix = rowPrefix(file.name);
  let before = from.before as number;
  let index = -1;
  for await (const batch of arrowBatches(file)) {
    index += 1;
    if (index < (from.batch as number)) continue;
    const chosen = arrowColumns(batch, columns, file.name, before);
    const names = chosen.map(({ name }) => name);
    const classNames = classNamesOf(batch.schema.metadata.get('huggingface'));
    const start = index === from.batch ? (from.row as number) : 0;
    for (let row = start; row < batch.numRows; row += ROWS) {
      const end = Math.min(row + ROWS, batch.numRows);
      const values = chosen.map(({ data }) => arrowValues(data, row, end));
      const rows = rowsFromColumns(names, values, end - row);
      rows.forEach((made, i) => {
        rememberSource(made, prefix, before + row + i + 1);
      });
      const next =
        end < batch.numRows ? { batch: index, row: end, before } : { batch: index + 1, row: 0, before: before + end };
      yield { rows, next, ...(classNames ? { classNames } : {}) };
    }
    before += batch.numRows;
  }
}

/**
 * The record batches of a file, as Arrow keeps them.
 *
 * @throws DataError naming the file for what is no Arrow, or damaged.
 */
export async function* arrowBatches(file: ByteSource): AsyncGenerator<RecordBatch> {
  let done = 0;
  try {
    const reader = await RecordBatchReader.from(checkedMessages(streamPart(file)));
    for await (const batch of reader) {
      yield batch as RecordBatch;
      done += 1;
    }
    if (done === 0 && !reader.schema) throw new Error('it has no schema');
  } catch (cause) {
    if (cause instanceof Error && 'fix' in cause) throw cause;
    const what = `record batch ${done + 1} is damaged, or no Arrow (${(cause as Error).message})`;
    throw new DataError(what, file.name, 'copy or download the file again', { cause });
  }
}

/** The content without the file format's mark at its start. */
async function* streamPart(file: ByteSource): AsyncGenerator<Uint8Array> {
  let head: Buffer = Buffer.alloc(0);
  let begun = false;
  for await (const chunk of contentOf(file)) {
    if (begun) {
      yield chunk;
      continue;
    }
    head = Buffer.concat([head, chunk]);
    if (head.length < FILE_MAGIC.length) continue;
    begun = true;
    yield head.subarray(0, FILE_MAGIC.length).equals(FILE_MAGIC) ? head.subarray(FILE_MAGIC.length) : head;
  }
  if (!begun)
    throw new DataError('no Arrow file: it has fewer than 8 bytes', file.name, 'copy or download the file again');
}

/**
 * The chosen columns of a batch, in their order.
 *
 * @param before Rows before the batch.
 * @throws DataError for a column that is not there or named twice, and for one that is damaged.
 */
export function arrowColumns(
  { schema, data, numRows }: RecordBatch,
  columns: readonly string[] | undefined,
  file: string,
  before: number,
): { name: string; data: Data }[] {
  const names = schema.fields.map((field) => field.name);
  const twice = names.find((column, i) => names.indexOf(column) < i);
  if (twice !== undefined) {
    throw new DataError(`two columns named '${twice}'`, file, 'write the file with a name of its own for each column');
  }
  return (columns ?? names).map((name) => {
    const column = data.children[names.indexOf(name)];
    if (!column) throw missingColumn(name, names, file);
    const damage = column.length < numRows ? `has ${column.length} values` : damageOf(column);
    if (damage) {
      const where = `${rowPrefix(file)}${before + 1} to ${before + numRows}`;
      throw new DataError(`column ${name} ${damage}`, where, 'write the file again from valid text');
    }
    return { name, data: column };
  });
}
