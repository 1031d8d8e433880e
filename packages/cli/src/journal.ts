/** What a hosted service has answered so far, beside the output: it is paid for, and not asked for again. */

import { closeSync, createReadStream, existsSync, fsyncSync, openSync, rmSync, truncateSync, writeSync } from 'node:fs';

import { OptionError } from '@uniem/core';
import type { EmbeddedBatch } from '@uniem/providers';

/** What a journal's vectors depend on. */
export type JournalKey = Readonly<Record<string, string | number | null>>;

interface Line {
  indices: number[];
  /** base64 of little-endian float32, one a text. */
  embeddings: string[];
  tokens: number | null;
}

/** Bytes read at once: a line of 2,048 long vectors has many. */
const CHUNK = 8 << 20;

export class Journal {
  readonly path: string;
  /** Vectors by the index of their text. */
  readonly embeddings = new Map<number, Float32Array>();
  requests = 0;
  /** Of all runs; undefined where the service counts none. */
  tokens: number | undefined = 0;
  readonly #key: JournalKey;
  /** Whether the file has its first line. */
  #isBegun = false;
  #file: number | undefined;

  private constructor(path: string, key: JournalKey) {
    this.path = path;
    this.#key = key;
  }

  /**
   * Reads the journal, where there is one. A last line that a kill cut off is dropped: its request was in flight.
   *
   * @throws OptionError for one that belongs to other texts, another model or other options.
   */
  static async open(path: string, key: JournalKey): Promise<Journal> {
    const journal = new Journal(path, key);
    journal.#isBegun = existsSync(path) && (await journal.#read()) > 0;
    return journal;
  }

  /** @returns Bytes of whole lines; what follows them is cut off. */
  async #read(): Promise<number> {
    let whole = 0;
    let number = 0;
    let rest = Buffer.alloc(0);
    for await (const chunk of createReadStream(this.path, { highWaterMark: CHUNK })) {
      rest = Buffer.concat([rest, chunk as Buffer]);
      for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
        const text = rest.toString('utf8', 0, end);
        number += 1;
        if (number === 1) this.#requireKey(text);
        else this.#add(this.#parse<Line>(text, number));
        rest = rest.subarray(end + 1);
        whole += end + 1;
      }
    }
    truncateSync(this.path, whole);
    return whole;
  }

  #parse<T>(text: string, number: number): T {
    try {
      return JSON.parse(text) as T;
    } catch {
      throw new OptionError(
        'is damaged',
        `${this.path}:${number}`,
        'delete the file; its texts will be paid for again',
      );
    }
  }

  #requireKey(text: string): void {
    const key = this.#key;
    const found = this.#parse<JournalKey>(text, 1);
    const name = Object.keys(key).find((one) => found[one] !== key[one]);
    if (name === undefined) return;
    throw new OptionError(
      `belongs to an unfinished run with another ${name} (${found[name]}, now ${key[name]})`,
      this.path,
      'finish that run, choose another --output, or delete the file to discard what it paid for',
    );
  }

  #add({ indices, embeddings, tokens }: Line): void {
    indices.forEach((index, i) => {
      const bytes = Buffer.from(embeddings[i] as string, 'base64');
      this.embeddings.set(index, new Float32Array(new Uint8Array(bytes).buffer));
    });
    this.requests += 1;
    this.tokens = tokens === null || this.tokens === undefined ? undefined : this.tokens + tokens;
  }

  /** On the disk before it returns; the file begins with the first answer. @param indices Of the texts. */
  append(indices: readonly number[], { embeddings, tokens }: EmbeddedBatch): void {
    const line: Line = {
      indices: [...indices],
      embeddings: embeddings.map(({ buffer, byteOffset, byteLength }) =>
        Buffer.from(buffer, byteOffset, byteLength).toString('base64'),
      ),
      tokens: tokens ?? null,
    };
    if (!this.#isBegun) this.#write(this.#key);
    this.#isBegun = true;
    this.#write(line);
    this.#add(line);
  }

  #write(value: unknown): void {
    this.#file ??= openSync(this.path, 'a');
    const bytes = Buffer.from(`${JSON.stringify(value)}\n`);
    for (let done = 0; done < bytes.length; ) done += writeSync(this.#file, bytes, done);
    fsyncSync(this.#file);
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
  }

  /** After the output is whole. */
  remove(): void {
    rmSync(this.path, { force: true }); // there is none for an input without texts
  }
}
