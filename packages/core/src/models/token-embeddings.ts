/**
 * The embedding layer of BERT and its kin, under the names they share.
 * T tokens, E values of an embedding (a family may project them to H).
 */

import * as tf from '@tensorflow/tfjs-core';

import { dropout } from '../operations/dropout.ts';
import { tokenTypes } from '../operations/token-types.ts';
import type { Run } from './family.ts';
import { normalized, positionsOf, rows, type Shapes } from './layers.ts';
import { parameter } from './parameters.ts';

export interface TokenEmbeddingConfig {
  vocabSize: number;
  /** E */
  embeddingSize: number;
  /** Rows of the position table; 0 for a family without one. */
  positionRows: number;
  /** The row of a text's first token. */
  positionOffset: number;
  /** 0 for a family without them. */
  tokenTypes: number;
  /** ERNIE's; left out by a family without them. */
  taskTypes?: number;
  layerNormEps: number;
  dropout: { embedding: number };
}

export function tokenEmbeddingShapes(shapes: Shapes, config: TokenEmbeddingConfig): void {
  const { embeddingSize: E } = config;
  shapes.table('embeddings.word_embeddings', config.vocabSize, E);
  if (config.positionRows > 0) shapes.table('embeddings.position_embeddings', config.positionRows, E);
  if (config.tokenTypes > 0) shapes.table('embeddings.token_type_embeddings', config.tokenTypes, E);
  if (config.taskTypes) shapes.table('embeddings.task_type_embeddings', config.taskTypes, E);
  shapes.norm('embeddings.LayerNorm', E);
}

/**
 * Sum of word, position and type embeddings, normalized; every text is one segment, of type 0 and task 0.
 *
 * @returns both float32 [T, E]
 */
export function embedTokens(config: TokenEmbeddingConfig, run: Run): { words: tf.Tensor2D; embedded: tf.Tensor2D } {
  const { parameters, batch, state } = run;
  const words = rows(parameters, 'embeddings.word_embeddings', batch.inputIds);
  let sum = words;
  if (config.tokenTypes > 0) {
    const types = parameter(parameters, 'embeddings.token_type_embeddings.weight') as tf.Tensor2D;
    sum = tf.add(sum, tokenTypes(types));
  }
  if (config.positionRows > 0) {
    const positions = positionsOf(batch, config.positionOffset);
    sum = tf.add(sum, rows(parameters, 'embeddings.position_embeddings', positions));
  }
  if (config.taskTypes) {
    const tasks = parameter(parameters, 'embeddings.task_type_embeddings.weight') as tf.Tensor2D;
    sum = tf.add(sum, tf.slice(tasks, 0, 1));
  }
  const normal = normalized(parameters, 'embeddings.LayerNorm', sum, config.layerNormEps);
  return { words, embedded: dropout(normal, config.dropout.embedding, state) };
}
