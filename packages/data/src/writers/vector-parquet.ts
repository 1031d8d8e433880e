/**
 * Vectors as Parquet: a row group a block, `embedding` a list of required values. The values go to the pages as they
 * lie in memory; bytes go as indices of 8 bits into a dictionary of 256 numbers, since Parquet keeps an int8 in 4 bytes.
 */

import { deserialize, serialize } from 'node:v8';

import type { ColumnMetaData, SchemaElement } from 'hyparquet';
import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import { writePageHeader } from 'hyparquet-writer/src/datapage.js';

import type { Row } from '../records/records.ts';
import { type ColumnType, columnTypes, converted, parquetSchema } from './column-types.ts';
import {
  bytesOf,
  VECTOR_COLUMN,
  type VectorBlock,
  type VectorFormat,
  type VectorShape,
  type VectorType,
  type VectorValues,
} from './vector-format.ts';

/** Values a page. */
const PAGE = 1 << 20;

/** Of bytes no logical type: hyparquet-writer gives its width as an i32, where pyarrow reads an i8. */
const ELEMENTS: Readonly<Record<VectorType, Omit<SchemaElement, 'name' | 'repetition_type'>>> = {
  float32: { type: 'FLOAT' },
  float16: { type: 'FIXED_LEN_BYTE_ARRAY', type_length: 2, logical_type: { type: 'FLOAT16' } },
  int8: { type: 'INT32', converted_type: 'INT_8' },
  uint8: { type: 'INT32', converted_type: 'UINT_8' },
};

/** What a ParquetWriter holds between two row groups. */
type Kept = Pick<ParquetWriter, 'row_groups' | 'num_rows'> & { types: Map<string, ColumnType>; offset: number };

export class ParquetFormat implements VectorFormat {
  readonly #shape: VectorShape;
  readonly #bytes = new ByteWriter();
  #writer: ParquetWriter | undefined;
  #types = new Map<string, ColumnType>();

  constructor(shape: VectorShape, state?: unknown) {
    this.#shape = shape;
    if (state === undefined) return;
    const { types, offset, row_groups, num_rows }: Kept = deserialize(Buffer.from(state as string, 'base64'));
    this.#open(types);
    this.#take(); // the magic number, which the file has
    this.#bytes.offset = offset;
    Object.assign(this.#writer as ParquetWriter, { row_groups, num_rows });
  }

  begin({ rows }: VectorBlock): Uint8Array[] {
    this.#open(columnTypes(rows, VECTOR_COLUMN, this.#shape.columns));
    return [this.#take()];
  }

  *block({ rows, vectors }: VectorBlock): Generator<Uint8Array> {
    const writer = this.#writer as ParquetWriter;
    const start = this.#bytes.offset;
    const columnData = [...this.#types].map(([name, type]) => ({
      name,
      data: rows.map((row: Row) => converted(row, name, type, VECTOR_COLUMN)),
    }));
    if (columnData.length > 0) writer.write({ columnData, rowGroupSize: rows.length, pageSize: 0 });
    else {
      writer.row_groups.push({ columns: [], total_byte_size: 0n, num_rows: BigInt(rows.length) });
      writer.num_rows += BigInt(rows.length);
    }
    writer.pendingIndexes = []; // a page a column: there is nothing to index
    yield this.#take();
    const meta_data = yield* this.#vectors(vectors);
    const group = writer.row_groups.at(-1) as ParquetWriter['row_groups'][number];
    group.columns.push({ file_offset: meta_data.dictionary_page_offset ?? meta_data.data_page_offset, meta_data });
    group.total_byte_size += meta_data.total_uncompressed_size;
    group.total_compressed_size = BigInt(this.#bytes.offset - start);
  }

  end() {
    (this.#writer as ParquetWriter).finish();
    return { tail: [this.#take()] };
  }

  state(): string {
    const { row_groups, num_rows } = this.#writer as ParquetWriter;
    const kept: Kept = { types: this.#types, offset: this.#bytes.offset, row_groups, num_rows };
    return serialize(kept).toString('base64');
  }

  #open(types: Map<string, ColumnType>): void {
    this.#types = types;
    const [root, ...columns] = parquetSchema(types);
    const schema: SchemaElement[] = [
      { ...(root as SchemaElement), num_children: types.size + 1 },
      ...columns,
      {
        name: VECTOR_COLUMN,
        repetition_type: 'REQUIRED',
        num_children: 1,
        converted_type: 'LIST',
        logical_type: { type: 'LIST' },
      },
      { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
      { name: 'element', repetition_type: 'REQUIRED', ...ELEMENTS[this.#shape.type] },
    ];
    this.#writer = new ParquetWriter({ writer: this.#bytes, schema, statistics: false, createdBy: 'uniem' });
  }

  /** The pages of the vectors' column chunk. */
  *#vectors(vectors: VectorValues): Generator<Uint8Array, ColumnMetaData> {
    const { dimension, type } = this.#shape;
    const start = this.#bytes.offset;
    const packed = type === 'int8' || type === 'uint8';
    if (packed) yield* this.#dictionary(type === 'int8' ? -128 : 0);
    const data_page_offset = BigInt(this.#bytes.offset);
    const step = Math.max(1, Math.floor(PAGE / dimension)) * dimension;
    for (let at = 0; at < vectors.length; at += step) {
      const values = vectors.subarray(at, at + step) as VectorValues;
      const content = packed ? indices(values) : [bytesOf(values)];
      yield* this.#page(values.length, content, packed);
    }
    const size = BigInt(this.#bytes.offset - start);
    return {
      type: ELEMENTS[type].type as 'FLOAT',
      encodings: packed ? ['PLAIN', 'RLE_DICTIONARY', 'RLE'] : ['PLAIN', 'RLE'],
      path_in_schema: [VECTOR_COLUMN, 'list', 'element'],
      codec: 'UNCOMPRESSED',
      num_values: BigInt(vectors.length),
      total_uncompressed_size: size,
      total_compressed_size: size,
      data_page_offset,
      ...(packed ? { dictionary_page_offset: BigInt(start) } : {}),
    };
  }

  /** The numbers that a byte can mean, the least first. */
  *#dictionary(least: number): Generator<Uint8Array> {
    const numbers = new Uint8Array(Int32Array.from({ length: 256 }, (_, i) => least + i).buffer);
    writePageHeader(this.#bytes, {
      type: 'DICTIONARY_PAGE',
      uncompressed_page_size: numbers.length,
      compressed_page_size: numbers.length,
      dictionary_page_header: { num_values: 256, encoding: 'PLAIN' },
    });
    yield* this.#with([numbers]);
  }

  *#page(count: number, content: readonly Uint8Array[], packed: boolean): Generator<Uint8Array> {
    const { dimension } = this.#shape;
    const rows = count / dimension;
    const repetition = repetitionLevels(rows, dimension);
    const definition = run(count, 1);
    const size = [repetition, definition, ...content].reduce((sum, { length }) => sum + length, 0);
    writePageHeader(this.#bytes, {
      type: 'DATA_PAGE_V2',
      uncompressed_page_size: size,
      compressed_page_size: size,
      data_page_header_v2: {
        num_values: count,
        num_nulls: 0,
        num_rows: rows,
        encoding: packed ? 'RLE_DICTIONARY' : 'PLAIN',
        definition_levels_byte_length: definition.length,
        repetition_levels_byte_length: repetition.length,
        is_compressed: false,
      },
    });
    yield* this.#with([repetition, definition, ...content]);
  }

  /** What was written to the ParquetWriter, then bytes that go past it. */
  *#with(content: readonly Uint8Array[]): Generator<Uint8Array> {
    yield this.#take();
    for (const bytes of content) this.#bytes.offset += bytes.length;
    yield* content;
  }

  #take(): Uint8Array {
    const bytes = this.#bytes.getBytes().slice();
    this.#bytes.index = 0; // its offset goes on counting
    return bytes;
  }
}

/** Parquet's run of `count` equal values below 256. */
function run(count: number, value: number): Uint8Array {
  const bytes = new ByteWriter();
  bytes.appendVarInt(count * 2);
  bytes.appendUint8(value);
  return bytes.getBytes();
}

/** 0 at the first value of each vector, 1 at its others. */
function repetitionLevels(rows: number, dimension: number): Uint8Array {
  const row = Buffer.concat(dimension > 1 ? [run(1, 0), run(dimension - 1, 1)] : [run(1, 0)]);
  return Buffer.alloc(rows * row.length, row);
}

/** Bit-packed indices of 8 bits are the bytes themselves: int8's −128 is the dictionary's first number. */
function indices(values: VectorValues): Uint8Array[] {
  const bytes = bytesOf(values);
  const groups = Math.ceil(bytes.length / 8);
  const head = new ByteWriter();
  head.appendUint8(8); // bits an index
  head.appendVarInt(groups * 2 + 1);
  const padded = new Uint8Array(groups * 8);
  padded.set(bytes);
  if (values instanceof Int8Array) for (let i = 0; i < bytes.length; i++) (padded[i] as number) ^= 0x80;
  return [head.getBytes(), padded];
}
