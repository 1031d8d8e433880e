/** One column of a Parquet row group, page by page: a page or two in memory, however large the group is. */

import { isUtf8 } from 'node:buffer';
import zlib from 'node:zlib';

import type { ColumnMetaData, Compressors, DecodedArray, SchemaTree } from 'hyparquet';
import { parquetHeader, readPage } from 'hyparquet/src/column.js';
import { convert, DEFAULT_PARSERS } from 'hyparquet/src/convert.js';
import { decompressPage } from 'hyparquet/src/datapage.js';
import { readRleBitPackedHybrid } from 'hyparquet/src/encoding.js';
import { getMaxDefinitionLevel, getTreePath, isFlatColumn } from 'hyparquet/src/schema.js';
import { compressors as javascriptCompressors } from 'hyparquet-compressors';

import type { ByteSource } from '../bytes.ts';

/** Bytes of the first request for a column; each further one asks for twice as many, so that a peek stays cheap. */
const FIRST_WINDOW = 1 << 18;
const LARGEST_WINDOW = 1 << 22;

/** What node does natively is faster there. */
const COMPRESSORS: Compressors = {
  ...javascriptCompressors,
  GZIP: (input) => zlib.gunzipSync(input),
  BROTLI: (input) => zlib.brotliDecompressSync(input),
};

export const PARSERS = {
  ...DEFAULT_PARSERS,
  stringFromBytes: (bytes: Uint8Array) =>
    bytes && textOf(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)),
};

type Header = ReturnType<typeof parquetHeader>;

/** The values of one physical column of one row group, in order. */
export class ParquetColumn {
  readonly path: string;
  readonly #file: ByteSource;
  readonly #decoder: Parameters<typeof readPage>[2];
  readonly #flat: boolean;
  readonly #strings: boolean;
  readonly #end: number;
  /** Bytes of the file from #start on. */
  #window = Buffer.alloc(0);
  #start: number;
  #windowSize = FIRST_WINDOW;
  #dictionary: DecodedArray | undefined;
  /** Decoded and not taken. A nested column's last value may go on in the next page. */
  #values: unknown[] = [];
  #taken = 0;

  constructor(file: ByteSource, meta: ColumnMetaData, tree: SchemaTree) {
    const schemaPath = getTreePath(tree, meta.path_in_schema);
    const { element } = schemaPath.at(-1) as SchemaTree;
    this.path = meta.path_in_schema.join('.');
    this.#file = file;
    this.#decoder = {
      pathInSchema: meta.path_in_schema,
      type: meta.type,
      element,
      schemaPath,
      codec: meta.codec,
      parsers: PARSERS,
      compressors: COMPRESSORS,
    };
    this.#flat = isFlatColumn(schemaPath);
    const { converted_type: converted, logical_type: logical } = element;
    this.#strings =
      this.#flat &&
      meta.type === 'BYTE_ARRAY' &&
      (converted === 'UTF8' || logical?.type === 'STRING' || !(converted || logical));
    this.#start = Number(meta.dictionary_page_offset || meta.data_page_offset);
    this.#end = this.#start + Number(meta.total_compressed_size);
  }

  /** How many whole values are decoded. */
  get available(): number {
    const open = this.#flat || this.#start >= this.#end ? 0 : 1;
    return this.#values.length - this.#taken - open;
  }

  /** Decodes pages until there are `count` values; fewer only where the column ends. */
  async fill(count: number): Promise<void> {
    while (this.available < count && this.#start < this.#end) await this.#page();
  }

  /** The next `count` values, which fill() decoded. */
  take(count: number): unknown[] {
    const values = this.#values.slice(this.#taken, this.#taken + count);
    this.#taken += values.length;
    return values;
  }

  async #page(): Promise<void> {
    const { header, length } = await this.#header();
    const body = length + header.compressed_page_size;
    await this.#need(body);
    const bytes = this.#window.subarray(length, body);
    if (header.crc !== undefined && zlib.crc32(bytes) !== header.crc >>> 0)
      throw new Error('its checksum does not match');
    if (header.type === 'DICTIONARY_PAGE') {
      const { data } = readPage(readerOf(bytes), header, this.#decoder, undefined, undefined, 0);
      this.#dictionary = data && convert(data, this.#decoder);
    } else if (header.type === 'DATA_PAGE' || header.type === 'DATA_PAGE_V2') {
      this.#append(header, bytes);
    }
    this.#window = this.#window.subarray(body);
    this.#start += body;
  }

  #append(header: Header, bytes: Buffer): void {
    const strings = this.#strings ? plainStrings(header, bytes, this.#decoder) : undefined;
    const kept = this.#taken > 0 ? this.#values.slice(this.#taken) : this.#values;
    this.#taken = 0;
    if (strings || this.#flat) {
      const values =
        strings ?? readPage(readerOf(bytes), header, this.#decoder, this.#dictionary, undefined, 0).data ?? [];
      this.#values = kept.length > 0 ? [...kept, ...values] : (values as unknown[]);
    } else {
      // readPage goes on with the list it is given, whose last value may be incomplete
      const { data } = readPage(readerOf(bytes), header, this.#decoder, this.#dictionary, kept, 0);
      this.#values = kept.length > 0 && data !== kept ? [...kept, ...(data ?? [])] : ((data ?? []) as unknown[]);
    }
  }

  /** The header at the start of the window. */
  async #header(): Promise<{ header: Header; length: number }> {
    for (let wanted = 1 << 12; ; wanted *= 2) {
      const whole = await this.#need(Math.min(wanted, this.#end - this.#start));
      try {
        const reader = readerOf(this.#window);
        return { header: parquetHeader(reader), length: reader.offset };
      } catch (error) {
        if (whole && wanted >= this.#end - this.#start) throw error;
      }
    }
  }

  /** Makes the window hold at least `count` bytes. */
  async #need(count: number): Promise<true> {
    if (this.#window.length >= count) return true;
    if (!(count <= this.#end - this.#start)) throw new Error('it is longer than the column');
    const from = this.#start + this.#window.length;
    const to = Math.min(this.#end, this.#start + Math.max(count, this.#windowSize));
    const bytes = await this.#file.read(from, to);
    if (bytes.length < to - from) throw new Error('the file ends within it');
    this.#window = Buffer.concat([this.#window, bytes]);
    this.#windowSize = Math.min(LARGEST_WINDOW, this.#windowSize * 2);
    return true;
  }
}

function readerOf(bytes: Uint8Array) {
  return { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset: 0 };
}

/**
 * The strings of a page in PLAIN encoding, each decoded where it lies: hyparquet makes a view and a TextDecoder call of
 * each. Undefined for a page of another encoding.
 */
function plainStrings(header: Header, bytes: Buffer, decoder: Parameters<typeof readPage>[2]): unknown[] | undefined {
  const v1 = header.data_page_header;
  const v2 = header.data_page_header_v2;
  if ((v1 ?? v2)?.encoding !== 'PLAIN') return undefined;
  const maxLevel = getMaxDefinitionLevel(decoder.schemaPath);
  const unpack = (packed: Uint8Array, size: number) => decompressPage(packed, size, decoder.codec, decoder.compressors);
  if (v1) {
    const page = unpack(bytes, header.uncompressed_page_size);
    const reader = readerOf(page);
    const levels = maxLevel > 0 ? new Array<number>(v1.num_values) : undefined;
    if (levels) readRleBitPackedHybrid(reader, 1, levels);
    return stringsAt(page, reader.offset, v1.num_values, levels);
  }
  if (!v2) return undefined;
  const levelBytes = v2.definition_levels_byte_length + v2.repetition_levels_byte_length;
  const levels = maxLevel > 0 ? new Array<number>(v2.num_values) : undefined;
  if (levels) readRleBitPackedHybrid(readerOf(bytes), 1, levels, v2.definition_levels_byte_length);
  const body = bytes.subarray(levelBytes);
  const page = v2.is_compressed === false ? body : unpack(body, header.uncompressed_page_size - levelBytes);
  return stringsAt(page, 0, v2.num_values, levels);
}

/** @param levels 1 where there is a value, 0 where it is null; all values if left out. */
function stringsAt(page: Uint8Array, start: number, count: number, levels: number[] | undefined): unknown[] {
  const bytes = Buffer.from(page.buffer, page.byteOffset, page.byteLength);
  const values = new Array<unknown>(count);
  let at = start;
  for (let i = 0; i < count; i++) {
    if (levels && levels[i] === 0) {
      values[i] = null;
      continue;
    }
    const end = at + 4 + bytes.readUInt32LE(at);
    if (end > bytes.length) throw new Error('a text is longer than its page');
    values[i] = textOf(bytes, at + 4, end);
    at = end;
  }
  return values;
}

function textOf(bytes: Buffer, start = 0, end = bytes.length): string {
  const text = bytes.toString('utf8', start, end);
  if (text.includes('\ufffd') && !isUtf8(bytes.subarray(start, end))) throw new Error('a text is not valid UTF-8');
  return text;
}
