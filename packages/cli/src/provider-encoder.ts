/** A provider where evaluation wants an encoder: unit vectors, each text asked for once, its time and tokens counted. */

import { ProgressBar } from '@uniem/core';
import type { EmbeddingProvider, InputType } from '@uniem/providers';

interface EncodeOptions {
  normalize?: boolean;
}

export class ProviderEncoder {
  readonly #provider: EmbeddingProvider;
  readonly #dimensions: number | undefined;
  /** By what a text is for, and the text. */
  readonly #known = new Map<InputType | undefined, Map<string, Float32Array>>();
  /** Texts that were asked for. */
  texts = 0;
  seconds = 0;
  /** Undefined where they are not counted. */
  tokens: number | undefined = 0;
  /** Values of a vector; 0 before the first one. */
  dimension = 0;

  constructor(provider: EmbeddingProvider, dimensions?: number) {
    this.#provider = provider;
    this.#dimensions = dimensions;
  }

  encode(texts: readonly string[], options?: EncodeOptions): Promise<Float32Array[]> {
    return this.#encode(texts, undefined, options);
  }

  encodeQuery(texts: readonly string[], options?: EncodeOptions): Promise<Float32Array[]> {
    return this.#encode(texts, 'query', options);
  }

  encodeDocument(texts: readonly string[], options?: EncodeOptions): Promise<Float32Array[]> {
    return this.#encode(texts, 'document', options);
  }

  async #encode(
    texts: readonly string[],
    inputType: InputType | undefined,
    { normalize = false }: EncodeOptions = {},
  ): Promise<Float32Array[]> {
    const known = this.#known.get(inputType) ?? new Map<string, Float32Array>();
    this.#known.set(inputType, known);
    const missing = [...new Set(texts)].filter((text) => !known.has(text));
    if (missing.length > 0) {
      const begin = performance.now();
      const bar = new ProgressBar('embed', missing.length, this.#provider.name === 'local' ? false : 'auto'); // an Embedder has its own
      let done = 0;
      const { embeddings, usage } = await this.#provider.embed(missing, {
        inputType,
        dimensions: this.#dimensions,
        indexOf: (index) => texts.indexOf(missing[index] as string),
        onBatch: ({ indices }) => {
          done += indices.length;
          bar.update(done);
        },
      });
      bar.end();
      this.seconds += (performance.now() - begin) / 1000;
      this.texts += missing.length;
      this.tokens = this.tokens === undefined || usage.tokens === undefined ? undefined : this.tokens + usage.tokens;
      this.dimension = embeddings[0]?.length ?? 0;
      missing.forEach((text, i) => {
        known.set(text, embeddings[i] as Float32Array);
      });
    }
    const vectors = texts.map((text) => known.get(text) as Float32Array);
    return normalize ? vectors.map(unit) : vectors;
  }
}

function unit(vector: Float32Array): Float32Array {
  let squares = 0;
  for (const value of vector) squares += value * value;
  const length = Math.sqrt(squares) || 1;
  return vector.map((value) => value / length);
}
