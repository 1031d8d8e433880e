/** Vectors as an Arrow IPC file: a record batch a block, `embedding` a fixed-size list. */

import { deserialize, serialize } from 'node:v8';

import {
  Bool,
  type DataType,
  Field,
  FixedSizeList,
  Float16,
  Float32,
  Float64,
  Int8,
  Int64,
  List,
  Message,
  makeData,
  RecordBatch,
  RecordBatchFileWriter,
  Schema,
  Struct,
  type TypeMap,
  Uint8,
  Utf8,
  vectorFromArray,
} from 'apache-arrow';

import type { Row } from '../records/records.ts';
import { type ColumnType, columnTypes, converted } from './column-types.ts';
import {
  VECTOR_COLUMN,
  type VectorBlock,
  type VectorFormat,
  type VectorShape,
  type VectorType,
} from './vector-format.ts';

const ITEMS: Readonly<Record<VectorType, () => DataType>> = {
  float32: () => new Float32(),
  float16: () => new Float16(),
  int8: () => new Int8(),
  uint8: () => new Uint8(),
};

interface Kept {
  types: Map<string, ColumnType>;
  position: number;
  /** Where each record batch stands, for the footer. */
  blocks: [metaDataLength: number, bodyLength: number, offset: number][];
}

export class ArrowFormat implements VectorFormat {
  readonly #shape: VectorShape;
  #types = new Map<string, ColumnType>();
  #file: IpcFile | undefined;

  constructor(shape: VectorShape, state?: unknown) {
    this.#shape = shape;
    if (state === undefined) return;
    const { types, position, blocks }: Kept = deserialize(Buffer.from(state as string, 'base64'));
    this.#types = types;
    this.#file = new IpcFile();
    this.#file.continue(this.#schema(), position, blocks);
  }

  begin({ rows }: VectorBlock): Uint8Array[] {
    this.#types = columnTypes(rows, VECTOR_COLUMN, this.#shape.columns);
    this.#file = new IpcFile();
    this.#file.reset(undefined, this.#schema());
    return this.#file.take();
  }

  block({ rows, vectors }: VectorBlock): Uint8Array[] {
    const { dimension, type } = this.#shape;
    const schema = this.#schema();
    const columns = [...this.#types].map(([name, kind]) => {
      const values = rows.map((row: Row) => converted(row, name, kind, VECTOR_COLUMN));
      const [data] = vectorFromArray(values, arrowType(kind)).data;
      return data as NonNullable<typeof data>;
    });
    const list = schema.fields.at(-1)?.type as FixedSizeList;
    const item = ITEMS[type]();
    const child = makeData({
      type: item as Float32,
      length: vectors.length,
      nullCount: 0,
      data: vectors as Float32Array,
    });
    const embeddings = makeData({ type: list, length: vectors.length / dimension, nullCount: 0, child });
    const children = [...columns, embeddings];
    const struct = makeData({ type: new Struct(schema.fields), length: rows.length, nullCount: 0, children });
    const file = this.#file as IpcFile;
    file.write(new RecordBatch(schema, struct));
    return file.take();
  }

  end() {
    const file = this.#file as IpcFile;
    file.finish();
    return { tail: file.take() };
  }

  state(): string {
    const kept: Kept = { types: this.#types, ...(this.#file as IpcFile).kept };
    return serialize(kept).toString('base64');
  }

  #schema(): Schema {
    const { dimension, type } = this.#shape;
    const list = new FixedSizeList(dimension, new Field('item', ITEMS[type](), false));
    return new Schema([
      ...[...this.#types].map(([name, kind]) => new Field(name, arrowType(kind), true)),
      new Field(VECTOR_COLUMN, list, false),
    ]);
  }
}

/** Collects its bytes, and can go on where another one stopped. */
class IpcFile extends RecordBatchFileWriter<TypeMap> {
  #pieces: Uint8Array[] = [];

  continue(schema: Schema, position: number, blocks: Kept['blocks']): void {
    this._started = true;
    this._schema = schema;
    this._position = position;
    this._recordBatchBlocks = blocks.map(([metaDataLength, bodyLength, offset]) => ({
      metaDataLength,
      bodyLength,
      offset,
    }));
  }

  get kept(): Pick<Kept, 'position' | 'blocks'> {
    const blocks = this._recordBatchBlocks.map(({ metaDataLength, bodyLength, offset }): Kept['blocks'][number] => [
      metaDataLength,
      bodyLength,
      offset,
    ]);
    return { position: this._position, blocks };
  }

  take(): Uint8Array[] {
    const pieces = this.#pieces;
    this.#pieces = [];
    return pieces;
  }

  protected override _write(chunk: ArrayBufferView): this {
    if (!this._started || chunk.byteLength === 0) return this;
    this.#pieces.push(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    this._position += chunk.byteLength;
    return this;
  }

  /** The file is a whole stream between its magic numbers: apache-arrow leaves the stream's schema out. */
  protected override _writeSchema(schema: Schema): this {
    super._writeSchema(schema);
    return this._writeMessage(Message.from(schema));
  }
}

function arrowType(type: ColumnType): DataType {
  switch (type.kind) {
    case 'STRING':
      return new Utf8();
    case 'INT64':
      return new Int64();
    case 'DOUBLE':
      return new Float64();
    case 'BOOLEAN':
      return new Bool();
    case 'list':
      return new List(new Field('item', arrowType(type.item), true));
    case 'struct':
      return new Struct([...type.fields].map(([name, field]) => new Field(name, arrowType(field), true)));
    default:
      return type satisfies never;
  }
}
