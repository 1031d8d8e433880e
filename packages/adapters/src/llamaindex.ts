/** LlamaIndex.TS's embedding model: `Settings.embedModel`, or the option of an index. */

import { BaseEmbedding } from '@llamaindex/core/embeddings';
import type { MessageContentDetail } from '@llamaindex/core/llms';
import type { Embedder, EncodeOptions } from '@uniem/core';

/** Texts that LlamaIndex gives at once; its own 10 are too few for the engine. */
const BATCH = 256;

export interface UniemEmbeddingOptions {
  /** Stays the caller's to dispose of. */
  embedder: Embedder;
  /** How texts are embedded; the model's prompts `query` and `document` are put before them, where it has them. */
  encode?: Pick<EncodeOptions, 'batchSize' | 'maxLength' | 'normalize' | 'truncateDim'>;
}

export class UniemEmbedding extends BaseEmbedding {
  readonly #embedder: Embedder;
  readonly #encode: EncodeOptions;

  constructor({ embedder, encode }: UniemEmbeddingOptions) {
    super();
    this.embedBatchSize = BATCH;
    this.#embedder = embedder;
    this.#encode = { progressBar: false, ...encode };
  }

  override getTextEmbedding(text: string): Promise<number[]> {
    return this.getTextEmbeddings([text]).then(([vector]) => vector as number[]);
  }

  override getTextEmbeddings = async (texts: string[]): Promise<number[][]> => {
    const vectors = await this.#embedder.encodeDocument(texts, this.#encode);
    return vectors.map((vector) => [...vector]);
  };

  /** Of a query: null for content that is no text, as of an image. */
  override async getQueryEmbedding(query: MessageContentDetail): Promise<number[] | null> {
    if (query.type !== 'text') return null;
    const [vector] = await this.#embedder.encodeQuery([query.text], this.#encode);
    return [...(vector as Float32Array)];
  }
}
