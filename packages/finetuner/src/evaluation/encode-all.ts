/** Texts to unit vectors for a search: in memory up to a bound, beyond it on the disk. */

import { type EncodeOptions, ProgressBar } from '@uniem/core';
import { SEARCH_MEMORY, VectorStore } from '@uniem/core/search';

export interface EncodingOptions {
  /** Bytes of vectors and scores held at once; vectors beyond it lie in a temporary file. 1 GiB if left out. */
  memory?: number | undefined;
  /** 'auto' shows a bar on a terminal; none if left out. */
  progressBar?: boolean | 'auto' | undefined;
}

/** Texts that are encoded, and sorted by length, together. */
const WINDOW = 8192;
/** A store takes three eighths of the memory, and there are two. */
const STORE = 3 / 8;
const MEMORY = 2 ** 30;

type Encode = (texts: readonly string[], options: EncodeOptions) => Promise<Float32Array[]>;

/** @returns To be closed. */
export async function encodeAll(
  encode: Encode,
  texts: readonly string[],
  { memory = MEMORY, progressBar = false }: EncodingOptions = {},
): Promise<VectorStore> {
  const store = new VectorStore(memory * STORE);
  const bar = new ProgressBar('encode', texts.length, progressBar);
  try {
    for (let start = 0; start < texts.length; start += WINDOW) {
      const part = texts.slice(start, start + WINDOW);
      store.add(await encode(part, { normalize: true, progressBar: false }));
      bar.update(start + part.length);
    }
  } catch (error) {
    store.close();
    throw error;
  }
  bar.end();
  return store;
}

/** What is left of the memory for a search over two stores. */
export function searchMemory({ memory = MEMORY }: EncodingOptions = {}): number {
  return Math.min(SEARCH_MEMORY, memory / 4);
}
