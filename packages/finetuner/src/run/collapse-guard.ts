/** Watches for collapse: a model that gives every text the same embedding has a falling loss and is of no use. */

import * as tf from '@tensorflow/tfjs-core';
import { cosineMatrix, type Embedder } from '@uniem/core';
import type { Row } from '@uniem/data';

import type { BatchSource } from '../batches/record-batches.ts';
import type { Rows } from '../batches/training-data.ts';

const TEXTS = 32;
const LIMIT = 0.95;
const ALIKE = 0.999;

/** The mean cosine of texts of different records, which have nothing to do with each other. */
export class CollapseGuard {
  readonly #embedder: Embedder;
  readonly #texts: string[];
  readonly #maxLength: number;
  /** The mean cosine before the first step. */
  readonly before: number;
  /** Some plain encoders begin past the limit: then half of what is left to 1. */
  readonly #limit: number;
  #warned = false;

  private constructor(embedder: Embedder, texts: string[], maxLength: number, before: number) {
    this.#embedder = embedder;
    this.#texts = texts;
    this.#maxLength = maxLength;
    this.before = before;
    this.#limit = Math.max(LIMIT, (1 + before) / 2);
  }

  /**
   * @param train Its first texts are looked at.
   * @param measured What a run that goes on found before its first step.
   */
  static async of(source: BatchSource, train: Rows, measured?: number): Promise<CollapseGuard> {
    const { embedder, recordType } = source;
    const { maxLength } = source.options;
    const texts = new Set<string>();
    for await (const row of train as AsyncIterable<Row>) {
      const text = recordType === 'scored_pair' ? row.sentence1 : row.text;
      if (typeof text === 'string') texts.add(text); // whether a row is a record is found when it is trained on
      if (texts.size === TEXTS) break;
    }
    const before = measured ?? meanCosine(embedder, [...texts], maxLength);
    const told = before < ALIKE ? [...texts] : []; // texts that are alike from the beginning tell nothing
    return new CollapseGuard(embedder, told, maxLength, before);
  }

  /** A warning, once, where the texts have become alike. */
  check(): string | undefined {
    if (this.#warned || this.#texts.length < 2) return undefined;
    const mean = meanCosine(this.#embedder, this.#texts, this.#maxLength);
    if (mean < this.#limit) return undefined;
    this.#warned = true;
    return (
      `the model is collapsing: unrelated texts have a mean cosine of ${mean.toFixed(3)}\n` +
      '  fix: lower lr, raise batchSize, or look whether many records have the same text'
    );
  }
}

/** 0 for fewer than two texts. */
function meanCosine(embedder: Embedder, texts: readonly string[], maxLength: number): number {
  const { length } = texts;
  if (length < 2) return 0;
  const sumOfCosines = () => {
    const embeddings = embedder.embed(embedder.tokenizer.encodeBatch(texts, maxLength));
    return tf.sum(cosineMatrix(embeddings, embeddings)).dataSync()[0] as number;
  };
  const sum = embedder.compute(() => tf.tidy(sumOfCosines));
  return (sum - length) / (length * (length - 1));
}
