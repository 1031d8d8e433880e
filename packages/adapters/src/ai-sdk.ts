/** The Vercel AI SDK's embedding model: `embed` and `embedMany` of `ai` take it. */

import type { EmbeddingModelV3, EmbeddingModelV3CallOptions, EmbeddingModelV3Result } from '@ai-sdk/provider';
import type { Embedder, EncodeOptions } from '@uniem/core';

/** How texts are embedded, as `Embedder.encode` takes it. */
export type UniemEmbeddingModelOptions = Pick<
  EncodeOptions,
  'batchSize' | 'maxLength' | 'normalize' | 'prompt' | 'promptName' | 'truncateDim'
> & {
  /** What the SDK's reports call the model; its folder where left out. */
  modelId?: string;
};

/**
 * Specification 3, which version 6 of `ai` speaks and version 7 takes too.
 *
 * @param embedder Stays the caller's to dispose of.
 */
export function createEmbeddingModel(embedder: Embedder, options: UniemEmbeddingModelOptions = {}): EmbeddingModelV3 {
  const { modelId = embedder.folder, ...encode } = options;
  return {
    specificationVersion: 'v3',
    provider: 'uniem',
    modelId,
    maxEmbeddingsPerCall: Number.POSITIVE_INFINITY, // encode batches by itself
    supportsParallelCalls: false, // the engine uses every core
    async doEmbed({ values, abortSignal }: EmbeddingModelV3CallOptions): Promise<EmbeddingModelV3Result> {
      abortSignal?.throwIfAborted();
      const vectors = await embedder.encode(values, { progressBar: false, ...encode });
      const tokens = embedder.tokenize(values, encode).ids.reduce((sum, { length }) => sum + length, 0);
      return { embeddings: vectors.map((vector) => [...vector]), usage: { tokens }, warnings: [] };
    },
  };
}
