/**
 * Arrow's messages as a stream has them, each looked at before Arrow's reader is: it believes every count it finds.
 * Formats: Arrow's Message.fbs and Schema.fbs, FlatBuffers' "Internals".
 */

/** Bytes of a message's head; the largest known have thousands of columns. */
const LARGEST_HEAD = 1 << 26;
const MOST_FIELDS = 100_000;
const DEEPEST = 64;

/** The kinds of messages, and fields of tables by number. */
const SCHEMA = 1;
const DICTIONARY_BATCH = 2;
const RECORD_BATCH = 3;
const MESSAGE = { kind: 1, header: 2, bodyLength: 3, metadata: 4 };
const SCHEMA_PARTS = { fields: 1, metadata: 2 };
const FIELD = { children: 5, metadata: 6 };
const BATCH = { nodes: 1, buffers: 2, variadicCounts: 4 };
const DICTIONARY = { batch: 1 };

/**
 * The bytes as they come.
 *
 * @throws Error for a message whose counts go past its end.
 */
export async function* checkedMessages(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const bytes = new Bytes(source);
  for (;;) {
    const mark = await bytes.take(4);
    yield mark;
    const sized = mark.length === 4 && mark.readInt32LE() === -1 ? await bytes.take(4) : mark; // before 0.15 no mark
    if (sized !== mark) yield sized;
    const size = sized.length === 4 ? sized.readInt32LE() : 0;
    if (size <= 0) return; // the end, after which the file format has a footer
    if (size > LARGEST_HEAD) throw new Error(`a head of ${size} bytes`);
    const head = await bytes.take(size);
    if (head.length < size) throw new Error('it is cut short');
    const body = bodyOf(head);
    yield head;
    yield* bytes.pass(body);
  }
}

/** Bytes by number, from chunks of any size. */
class Bytes {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#chunks = source[Symbol.asyncIterator]();
  }

  /** The next bytes; fewer only at the end. */
  async take(count: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    for await (const part of this.pass(count)) parts.push(part);
    return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
  }

  async *pass(count: number): AsyncGenerator<Buffer> {
    for (let wanted = count; wanted > 0; ) {
      if (this.#rest.length === 0) {
        const { done, value } = await this.#chunks.next();
        if (done) return;
        this.#rest = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
      }
      const part = this.#rest.subarray(0, wanted);
      this.#rest = this.#rest.subarray(part.length);
      wanted -= part.length;
      yield part;
    }
  }
}

/** Checks a message's head. @returns The bytes of its body. */
function bodyOf(head: Buffer): number {
  const message = new Table(head, head.readUInt32LE());
  const kind = message.at(MESSAGE.kind);
  message.requireVector(MESSAGE.metadata, 4);
  const header = message.table(MESSAGE.header);
  if (kind !== undefined && header) {
    const number = head.readUInt8(kind);
    if (number === SCHEMA) checkSchema(header);
    else if (number === RECORD_BATCH) checkBatch(header);
    else if (number === DICTIONARY_BATCH) {
      const batch = header.table(DICTIONARY.batch);
      if (batch) checkBatch(batch);
    }
  }
  const length = message.at(MESSAGE.bodyLength);
  return length === undefined ? 0 : Math.max(0, Number(head.readBigInt64LE(length)));
}

function checkSchema(schema: Table): void {
  let room = MOST_FIELDS;
  const check = (fields: Table[], depth: number) => {
    room -= fields.length;
    if (room < 0 || depth > DEEPEST) throw new Error('a schema of too many columns');
    for (const field of fields) {
      field.requireVector(FIELD.metadata, 4);
      check(field.tables(FIELD.children), depth + 1);
    }
  };
  schema.requireVector(SCHEMA_PARTS.metadata, 4);
  check(schema.tables(SCHEMA_PARTS.fields), 0);
}

function checkBatch(batch: Table): void {
  batch.requireVector(BATCH.nodes, 16);
  batch.requireVector(BATCH.buffers, 16);
  batch.requireVector(BATCH.variadicCounts, 8);
}

/** A table of FlatBuffers: reading past the bytes throws. */
class Table {
  readonly #bytes: Buffer;
  readonly #position: number;

  constructor(bytes: Buffer, position: number) {
    this.#bytes = bytes;
    this.#position = position;
  }

  /** Where a field is; undefined where it is left out. */
  at(field: number): number | undefined {
    const fields = this.#position - this.#bytes.readInt32LE(this.#position);
    const place = 4 + 2 * field;
    const offset = place < this.#bytes.readUInt16LE(fields) ? this.#bytes.readUInt16LE(fields + place) : 0;
    return offset === 0 ? undefined : this.#position + offset;
  }

  table(field: number): Table | undefined {
    const at = this.at(field);
    return at === undefined ? undefined : new Table(this.#bytes, at + this.#bytes.readUInt32LE(at));
  }

  /** The elements of a vector of tables. */
  tables(field: number): Table[] {
    const { start, count } = this.requireVector(field, 4);
    return Array.from({ length: count }, (_, i) => {
      const at = start + 4 * i;
      return new Table(this.#bytes, at + this.#bytes.readUInt32LE(at));
    });
  }

  /** Where a vector is, all of whose elements of so many bytes are there. */
  requireVector(field: number, elementBytes: number): { start: number; count: number } {
    const at = this.at(field);
    if (at === undefined) return { start: 0, count: 0 };
    const start = at + this.#bytes.readUInt32LE(at) + 4;
    const count = this.#bytes.readUInt32LE(start - 4);
    if (start + count * elementBytes > this.#bytes.length) throw new Error(`a list of ${count} where there are fewer`);
    return { start, count };
  }
}
