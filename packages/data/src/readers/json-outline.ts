/** What a .json file holds, by its outermost brackets and keys alone: records, or an object around them. */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BOM = Buffer.from('\ufeff');
const [COLON, COMMA, OPEN, CLOSE, OPEN_BRACE, CLOSE_BRACE] = [...Buffer.from(':,[]{}')] as [
  number,
  number,
  number,
  number,
  number,
  number,
];

/** What the value of a key begins with. */
export interface OutlineKey {
  name: string;
  kind: 'objects' | 'list' | 'empty' | 'object' | 'other';
  /** Of a list: the byte after its opening bracket. */
  start: number;
  /** Of an object: its first key. */
  firstKey: string | undefined;
}

/** Feed it chunks until it is done. */
export class JsonOutline {
  /** An array, objects one after another, or one object; undefined until it is known. */
  kind: 'array' | 'sequence' | 'object' | undefined;
  readonly keys: OutlineKey[] = [];
  #byte = 0;
  #depth = 0;
  #inString = false;
  #escaped = false;
  /** The bytes of a string whose text is wanted. */
  #text: number[] | undefined;
  #awaits: 'start' | 'key' | 'colon' | 'value' | 'inList' | 'inObject' | 'rest' | 'end' = 'start';

  get done(): boolean {
    return this.kind === 'array' || this.kind === 'sequence';
  }

  /** @returns Whether it has seen enough. */
  push(chunk: Buffer): boolean {
    for (let i = 0; i < chunk.length && !this.done; i++) {
      if (this.#inString && this.#text === undefined && !this.#escaped) {
        i = this.#skipText(chunk, i);
        if (i >= chunk.length) break;
      }
      this.#take(chunk[i] as number, this.#byte + i);
    }
    this.#byte += chunk.length;
    return this.done;
  }

  /** The next quote or backslash. */
  #skipText(chunk: Buffer, from: number): number {
    const quote = chunk.indexOf(QUOTE, from);
    const end = quote < 0 ? chunk.length : quote;
    const slash = chunk.subarray(from, end).indexOf(BACKSLASH);
    return slash < 0 ? end : from + slash;
  }

  #take(byte: number, at: number): void {
    if (this.#inString) {
      if (this.#escaped) this.#escaped = false;
      else if (byte === BACKSLASH) this.#escaped = true;
      else if (byte === QUOTE) this.#endString();
      if (this.#inString) this.#text?.push(byte);
      return;
    }
    if (byte <= 0x20) return;
    switch (this.#awaits) {
      case 'start':
        if (BOM.includes(byte)) return;
        if (byte !== OPEN_BRACE) this.kind = 'array'; // or no JSON, which the reader of records says
        this.#awaits = 'key';
        this.#depth = 1;
        return;
      case 'end':
        this.kind = 'sequence';
        return;
      case 'value':
        this.#beginValue(byte, at);
        return;
      case 'inList':
        (this.keys.at(-1) as OutlineKey).kind = byte === OPEN_BRACE ? 'objects' : byte === CLOSE ? 'empty' : 'list';
        this.#awaits = 'rest';
        this.#step(byte);
        return;
      case 'inObject':
        this.#awaits = 'rest';
        if (byte === QUOTE) {
          this.#inString = true;
          this.#text = [];
        } else this.#step(byte);
        return;
      default:
        this.#step(byte);
    }
  }

  #beginValue(byte: number, at: number): void {
    const key = this.keys.at(-1) as OutlineKey;
    key.kind = byte === OPEN ? 'list' : byte === OPEN_BRACE ? 'object' : 'other';
    key.start = at + 1;
    this.#awaits = byte === OPEN ? 'inList' : byte === OPEN_BRACE ? 'inObject' : 'rest';
    if (byte === QUOTE) this.#inString = true;
    else if (byte === OPEN || byte === OPEN_BRACE) this.#depth += 1;
  }

  /** A byte outside strings that begins no value of the outermost object. */
  #step(byte: number): void {
    if (byte === QUOTE) {
      this.#inString = true;
      this.#text = this.#awaits === 'key' ? [] : undefined;
    } else if (byte === OPEN || byte === OPEN_BRACE) this.#depth += 1;
    else if (byte === CLOSE || byte === CLOSE_BRACE) {
      this.#depth -= 1;
      if (this.#depth > 0) return;
      this.kind = 'object'; // unless more follows
      this.#awaits = 'end';
    } else if (byte === COMMA && this.#depth === 1) this.#awaits = 'key';
    else if (byte === COLON && this.#awaits === 'colon') this.#awaits = 'value';
  }

  #endString(): void {
    this.#inString = false;
    const text = this.#text && Buffer.from(this.#text).toString('utf8');
    this.#text = undefined;
    if (text === undefined) return;
    if (this.#awaits === 'key') {
      this.keys.push({ name: text, kind: 'other', start: 0, firstKey: undefined });
      this.#awaits = 'colon';
    } else (this.keys.at(-1) as OutlineKey).firstKey = text;
  }
}
