/** Finds where the elements of a JSON array (or objects one after another) begin and end, without parsing them. */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN = 0x5b; // [
const CLOSE = 0x5d; // ]
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const BOM = Buffer.from('\ufeff');

/**
 * Where a file is between two elements.
 *
 * start: nothing read yet. first: after `[`. next: after a comma of the array. closed: after `]`.
 * sequence: between objects that follow one another without an array.
 */
export type Place = 'start' | 'first' | 'next' | 'closed' | 'sequence';

/** Feed it chunks in order; it keeps no bytes but those of an element that has not ended. */
export class JsonScanner {
  #place: Place;
  #inElement = false;
  #inString = false;
  #escaped = false;
  #depth = 0;
  #pending: Buffer[] = [];
  /** Bytes of the element that has begun and not ended. */
  pendingBytes = 0;
  /** What stands where no element may; nothing is read after it. */
  stray: string | undefined;

  constructor(place: Place = 'start') {
    this.#place = place;
  }

  /** Where the file is once the pending element is set aside. */
  get place(): Place {
    return this.#place;
  }

  /** The elements that end in this chunk. */
  push(chunk: Buffer): Buffer[] {
    const elements: Buffer[] = [];
    let start = 0;
    let i = 0;
    while (i < chunk.length && this.stray === undefined) {
      if (this.#inString) {
        i = this.#skipString(chunk, i);
        continue;
      }
      const byte = chunk[i] as number;
      if (!this.#inElement) {
        if (byte > 0x20 && this.#begins(byte)) {
          start = i;
          this.#inElement = true;
          continue; // the same byte again, now as the element's first
        }
        i += 1;
        continue;
      }
      const ends = this.#within(byte);
      i += 1;
      if (!ends) continue;
      const last = this.#place === 'sequence' ? i : i - 1; // a comma or ] is not the element's
      elements.push(this.#take(chunk.subarray(start, last)));
    }
    if (this.#inElement) {
      this.#pending.push(chunk.subarray(start));
      this.pendingBytes += chunk.length - start;
    }
    return elements;
  }

  /** Between elements: whether this byte begins one. */
  #begins(byte: number): boolean {
    if (this.#place === 'start') {
      if (byte === OPEN) this.#place = 'first';
      else if (byte === OPEN_BRACE) this.#place = 'sequence';
      else if (!BOM.includes(byte)) this.stray = String.fromCharCode(byte);
      return byte === OPEN_BRACE;
    }
    if (this.#place === 'first' && byte === CLOSE) {
      this.#place = 'closed';
      return false;
    }
    const allowed =
      this.#place === 'sequence' ? byte === OPEN_BRACE : this.#place !== 'closed' && byte !== COMMA && byte !== CLOSE;
    if (!allowed) this.stray = String.fromCharCode(byte);
    return allowed;
  }

  /** Within an element, outside strings: whether it ends at this byte. */
  #within(byte: number): boolean {
    if (byte === QUOTE) this.#inString = true;
    else if (byte === OPEN || byte === OPEN_BRACE) this.#depth += 1;
    else if (this.#depth > 0) {
      if (byte === CLOSE || byte === CLOSE_BRACE) this.#depth -= 1;
      return this.#depth === 0 && this.#place === 'sequence' && (byte === CLOSE || byte === CLOSE_BRACE);
    } else if (byte === COMMA || byte === CLOSE) {
      this.#place = byte === COMMA ? 'next' : 'closed';
      return true;
    }
    return false;
  }

  /** The index after the string's closing quote, or the chunk's end. */
  #skipString(chunk: Buffer, from: number): number {
    let i = from;
    if (this.#escaped) {
      this.#escaped = false;
      i += 1;
    }
    for (;;) {
      const quote = chunk.indexOf(QUOTE, i);
      const end = quote < 0 ? chunk.length : quote;
      let slashes = 0;
      while (end - slashes > i && chunk[end - 1 - slashes] === BACKSLASH) slashes += 1;
      const odd = slashes % 2 === 1;
      if (quote < 0) {
        this.#escaped = odd;
        return chunk.length;
      }
      i = quote + 1;
      if (odd) continue;
      this.#inString = false;
      return i;
    }
  }

  #take(bytes: Buffer): Buffer {
    const whole = this.#pending.length > 0 ? Buffer.concat([...this.#pending, bytes]) : bytes;
    this.#pending = [];
    this.pendingBytes = 0;
    this.#inElement = false;
    return whole;
  }
}
