/** The one interface of hosted and local embeddings. */

/** What a text is for, to models that embed questions and documents differently. */
export type InputType = 'query' | 'document';

export interface EmbedOptions {
  /** Gives up, also in the middle of a request; what came before is told to `onBatch`. */
  signal?: AbortSignal | undefined;
  /** Values of a vector, where the model can shorten it; refused where it cannot. */
  dimensions?: number | undefined;
  /** Changes nothing where a model embeds both alike. */
  inputType?: InputType | undefined;
  /** Where a text stands for whoever reads an error; its index here if left out. */
  indexOf?: ((index: number) => number) | undefined;
  /** Called with each answered request as it comes, in no order: what it keeps need not be paid again. */
  onBatch?: ((batch: EmbeddedBatch) => void) | undefined;
}

export interface Usage {
  /** Requests that gave vectors. */
  requests: number;
  /** Tokens that the service counted; undefined where it counts none. */
  tokens: number | undefined;
}

/** The vectors of one request. */
export interface EmbeddedBatch {
  /** Of the texts given to `embed`. */
  indices: readonly number[];
  embeddings: readonly Float32Array[];
  tokens: number | undefined;
}

export interface EmbeddingResult {
  /** float32 [values] each, in the order of the texts. */
  embeddings: Float32Array[];
  usage: Usage;
}

export interface EmbeddingProvider {
  /** As `openai`. */
  readonly name: string;
  readonly model: string;
  /**
   * One vector a text, in order; all of them, or an error.
   *
   * @throws ProviderError naming the text where one text is at fault, else what the service or network said.
   */
  embed(texts: readonly string[], options?: EmbedOptions): Promise<EmbeddingResult>;
}
