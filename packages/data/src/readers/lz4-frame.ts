/** LZ4 frames, which compressed Arrow files hold. Format: lz4_Frame_format.md and lz4_Block_format.md of lz4 1.10. */

const MAGIC = 0x184d2204;

/** @throws Error where the bytes are no whole LZ4 frame. */
export function decodeLz4Frame(input: Uint8Array): Uint8Array {
  const bytes = Buffer.from(input.buffer, input.byteOffset, input.byteLength);
  if (bytes.readUInt32LE(0) !== MAGIC) throw new Error('no LZ4 frame');
  const flags = bytes[4] as number;
  const has = (bit: number) => (flags & (1 << bit)) !== 0;
  let at = 6; // magic, flags, block descriptor
  const size = has(3) ? Number(bytes.readBigUInt64LE(at)) : bytes.length * 4;
  at += (has(3) ? 8 : 0) + (has(0) ? 4 : 0) + 1; // content size, dictionary, header checksum
  const output = new Output(size);
  for (;;) {
    const header = bytes.readUInt32LE(at);
    at += 4;
    if (header === 0) return output.bytes();
    const length = header & 0x7fffffff;
    const block = bytes.subarray(at, at + length);
    if (block.length < length) throw new Error('the LZ4 frame is cut');
    if (header >>> 31) output.append(block);
    else decodeBlock(block, output);
    at += length + (has(4) ? 4 : 0); // block checksum
  }
}

/** Bytes that grow; matches of a block may reach into the blocks before it. */
class Output {
  #buffer: Uint8Array;
  #length = 0;

  constructor(size: number) {
    this.#buffer = new Uint8Array(Math.max(64, size));
  }

  append(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Copies `count` bytes from `distance` bytes back; the two may overlap. */
  repeat(distance: number, count: number): void {
    if (distance === 0 || distance > this.#length) throw new Error(`an LZ4 match reaches ${distance} bytes back`);
    this.#reserve(count);
    const from = this.#length - distance;
    if (distance >= count) this.#buffer.copyWithin(this.#length, from, from + count);
    else for (let i = 0; i < count; i++) this.#buffer[this.#length + i] = this.#buffer[from + i] as number;
    this.#length += count;
  }

  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#buffer.length) return;
    const larger = new Uint8Array(Math.max(this.#buffer.length * 2, this.#length + count));
    larger.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = larger;
  }
}

function decodeBlock(block: Uint8Array, output: Output): void {
  let at = 0;
  const next = () => {
    const byte = block[at++];
    if (byte === undefined) throw new Error('the LZ4 block is cut');
    return byte;
  };
  /** 15 in the token means that more bytes follow, each of 255 but the last. */
  const lengthOf = (short: number) => {
    let length = short;
    if (short === 15) {
      let byte = 255;
      while (byte === 255) length += byte = next();
    }
    return length;
  };
  while (at < block.length) {
    const token = next();
    const literals = lengthOf(token >> 4);
    if (at + literals > block.length) throw new Error('the LZ4 block is cut');
    output.append(block.subarray(at, at + literals));
    at += literals;
    if (at === block.length) return; // the last sequence has no match
    const distance = next() | (next() << 8);
    output.repeat(distance, lengthOf(token & 15) + 4);
  }
}
