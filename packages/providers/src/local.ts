/** A local model as an EmbeddingProvider: anything with `encode`, as @uniem/core's Embedder. */

import type { EmbeddingProvider, EmbedOptions } from './provider.ts';

interface EncodeOptions {
  truncateDim?: number;
}

export interface LocalEncoder {
  encode(texts: readonly string[], options?: EncodeOptions): Promise<Float32Array[]>;
  encodeQuery?(texts: readonly string[], options?: EncodeOptions): Promise<Float32Array[]>;
  encodeDocument?(texts: readonly string[], options?: EncodeOptions): Promise<Float32Array[]>;
}

/** Texts of one call to the model: between two the signal is looked at, and `onBatch` told. */
const TEXTS = 1024;

/** @param model What it is called. */
export function localProvider(model: string, encoder: LocalEncoder): EmbeddingProvider {
  return {
    name: 'local',
    model,
    async embed(texts, { signal, dimensions, inputType, onBatch }: EmbedOptions = {}) {
      const method = inputType === 'query' ? 'encodeQuery' : inputType === 'document' ? 'encodeDocument' : 'encode';
      const encode = (encoder[method] ?? encoder.encode).bind(encoder);
      const embeddings: Float32Array[] = [];
      for (let start = 0; start < texts.length; start += TEXTS) {
        signal?.throwIfAborted();
        const part = texts.slice(start, start + TEXTS);
        const encoded = await encode(part, dimensions === undefined ? {} : { truncateDim: dimensions });
        embeddings.push(...encoded);
        onBatch?.({ indices: part.map((_, i) => start + i), embeddings: encoded, tokens: undefined });
      }
      return { embeddings, usage: { requests: 0, tokens: undefined } };
    },
  };
}
