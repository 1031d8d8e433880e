/** LangChain.js's embeddings: vector stores and retrievers take them. */

import { Embeddings, type EmbeddingsParams } from '@langchain/core/embeddings';
import type { Embedder, EncodeOptions } from '@uniem/core';

export interface UniemEmbeddingsParams extends EmbeddingsParams {
  /** Stays the caller's to dispose of. */
  embedder: Embedder;
  /** How texts are embedded; the model's prompts `query` and `document` are put before them, where it has them. */
  encode?: Pick<EncodeOptions, 'batchSize' | 'maxLength' | 'normalize' | 'truncateDim'>;
}

export class UniemEmbeddings extends Embeddings<number[]> {
  readonly #embedder: Embedder;
  readonly #encode: EncodeOptions;

  constructor({ embedder, encode, ...params }: UniemEmbeddingsParams) {
    super(params);
    this.#embedder = embedder;
    this.#encode = { progressBar: false, ...encode };
  }

  override async embedDocuments(documents: string[]): Promise<number[][]> {
    const embedder = this.#embedder;
    const vectors = await this.caller.call(() => embedder.encodeDocument(documents, this.#encode));
    return vectors.map((vector) => [...vector]);
  }

  override async embedQuery(query: string): Promise<number[]> {
    const embedder = this.#embedder;
    const [vector] = await this.caller.call(() => embedder.encodeQuery([query], this.#encode));
    return [...(vector as Float32Array)];
  }
}
