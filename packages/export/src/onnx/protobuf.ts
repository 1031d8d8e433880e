/** Writes protobuf messages: the wire format, of which ONNX needs varints, floats and nested messages. */

/** One message; methods append a field and return it. Source: protobuf.dev/programming-guides/encoding. */
export class Message {
  readonly #parts: Uint8Array[] = [];
  #length = 0;

  /** A varint: int32, int64, enum and bool, none below 0 but as 64 bits. */
  int(field: number, value: number | bigint): this {
    this.#append(varint(field << 3));
    return this.#append(varint(BigInt.asUintN(64, BigInt(value))));
  }

  float(field: number, value: number): this {
    this.#append(varint((field << 3) | 5));
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setFloat32(0, value, true);
    return this.#append(bytes);
  }

  bytes(field: number, value: Uint8Array): this {
    this.head(field, value.length);
    return this.#append(value);
  }

  string(field: number, value: string): this {
    return this.bytes(field, Buffer.from(value, 'utf8'));
  }

  message(field: number, value: Message): this {
    this.head(field, value.length);
    for (const part of value.#parts) this.#append(part);
    return this;
  }

  /** What stands before `length` bytes that are written elsewhere. */
  head(field: number, length: number): this {
    this.#append(varint((field << 3) | 2));
    return this.#append(varint(length));
  }

  get length(): number {
    return this.#length;
  }

  toBytes(): Uint8Array {
    return Buffer.concat(this.#parts);
  }

  #append(bytes: Uint8Array): this {
    this.#parts.push(bytes);
    this.#length += bytes.length;
    return this;
  }
}

/** Seven bits a byte, the lowest first. */
function varint(value: number | bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt(value);
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}
