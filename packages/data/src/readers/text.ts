/** The content of a text file as UTF-8, whatever its encoding: a byte-order mark decides, then the caller, else UTF-8. */

import { TextDecoder } from 'node:util';

import { type ByteSource, contentOf } from '../bytes.ts';
import { DataError } from '../errors.ts';
import { encodingName, likelyEncoding, markedEncoding, unmarkedUtf16 } from './encodings.ts';
import type { Position } from './reader.ts';
import { HEAD, type Problem, shapeOf } from './shapes.ts';

const REPLACEMENT = '\ufffd';
/** A byte that is in no UTF-8: it stands for what could not be decoded, so that its line is refused. */
const UNDECODED = Buffer.from([0xff]);

export class TextFile {
  readonly file: ByteSource;
  /** Known once content has been read. */
  encoding: string | undefined;
  readonly #given: string | undefined;

  /**
   * @param encoding As the caller gave it.
   * @param from The position to read on from, which knows the encoding that was found at the start.
   */
  constructor(file: ByteSource, encoding: string | undefined, from: Position) {
    this.file = file;
    this.#given = encoding === undefined ? undefined : encodingName(encoding);
    this.encoding = from.encoding as string | undefined;
  }

  get name(): string {
    return this.file.name;
  }

  /** What a position has to keep of the encoding: nothing where it is plain UTF-8. */
  get position(): { encoding?: string } {
    return this.encoding === undefined || this.encoding === 'utf-8' ? {} : { encoding: this.encoding };
  }

  /**
   * The content from `start` on, which counts bytes of UTF-8; another encoding has no way in but the beginning.
   *
   * @throws DataError for a file that is no text, or has UTF-16's zeros and no byte-order mark.
   */
  async *content(start = 0): AsyncGenerator<Buffer> {
    if (this.encoding === undefined && start > 0) this.encoding = 'utf-8'; // else the position would say
    const isPlain = this.encoding === 'utf-8';
    const raw = contentOf(this.file, isPlain ? start : 0);
    if (isPlain) yield* raw;
    else yield* from(start, this.#decoded(withHead(raw)));
  }

  async *#decoded(raw: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    let decoder: TextDecoder | undefined;
    let isFirst = true;
    for await (const chunk of raw) {
      if (isFirst) {
        this.encoding ??= this.#found(chunk.subarray(0, HEAD));
        if (this.encoding !== 'utf-8') decoder = new TextDecoder(this.encoding);
        isFirst = false;
      }
      yield decoder ? encoded(decoder.decode(chunk, { stream: true })) : chunk;
    }
    this.encoding ??= this.#given ?? 'utf-8';
    const rest = decoder?.decode() ?? '';
    if (rest !== '') yield encoded(rest);
  }

  #found(head: Buffer): string {
    const shape = shapeOf(head);
    if (shape) throw new DataError(`is ${shape.what}`, this.name, shape.fix);
    const known = markedEncoding(head) ?? this.#given;
    if (known !== undefined) return known;
    const utf16 = unmarkedUtf16(head);
    if (utf16 === undefined) return 'utf-8';
    throw new DataError('looks like UTF-16 without a byte-order mark', this.name, fixBy(utf16));
  }

  /** What is wrong with bytes that are not valid, as `content` gave them. */
  problemOf(bytes: Buffer): Problem {
    if (this.encoding !== undefined && this.encoding !== 'utf-8') {
      const what = `not valid ${this.encoding}, or damaged before it was saved (it holds U+FFFD)`;
      return { what, fix: 'give the encoding that it was saved in: --encoding (option encoding)' };
    }
    const likely = likelyEncoding(bytes);
    if (likely === undefined) return { what: 'not valid UTF-8', fix: 'save the file as UTF-8' };
    return { what: `not valid UTF-8; it looks like ${likely}`, fix: fixBy(likely) };
  }
}

const fixBy = (encoding: string) => `give --encoding ${encoding} (option encoding), or save the file as UTF-8`;

/** The same bytes; the first chunk has the file's head, unless the file is shorter. */
async function* withHead(raw: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let head: Buffer | undefined = Buffer.alloc(0);
  for await (const chunk of raw) {
    if (!head) yield chunk;
    else {
      head = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
      if (head.length < HEAD) continue;
      yield head;
      head = undefined;
    }
  }
  if (head && head.length > 0) yield head;
}

async function* from(start: number, chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let skip = start;
  for await (const chunk of chunks) {
    if (skip < chunk.length) yield skip > 0 ? chunk.subarray(skip) : chunk;
    skip = Math.max(0, skip - chunk.length);
  }
}

function encoded(text: string): Buffer {
  if (!text.includes(REPLACEMENT)) return Buffer.from(text);
  const parts = text.split(REPLACEMENT).map((part) => Buffer.from(part));
  return Buffer.concat(parts.flatMap((part, i) => (i === 0 ? [part] : [UNDECODED, part])));
}
