/** What a model family declares: its parameters and its forward pass. A new family is one file of this shape. */

import type * as tf from '@tensorflow/tfjs';

import type { ModelConfig } from '../config.ts';
import type { DropoutState } from '../operations/dropout.ts';
import type { Parameters } from '../parameters.ts';
import type { TokenBatch } from '../token-batch.ts';

/** What poolings read; all float32 [T, H]. */
export interface EncoderOutput {
  /** Raw word embeddings, before positions and normalization. */
  words: tf.Tensor2D;
  /** The embedding layer's output: transformers' hidden_states[0]. */
  first: tf.Tensor2D;
  /** The last hidden state. */
  last: tf.Tensor2D;
}

export interface Family {
  /** What names of a checkpoint with a head begin with. */
  prefix: string;
  /** Every parameter's shape by checkpoint name, in checkpoint order. */
  shapes(config: ModelConfig): Map<string, number[]>;
  /** Names a checkpoint may lack. */
  optional(): Set<string>;
  /**
   * Runs the encoder. Call inside tf.tidy.
   *
   * @param state Left out, dropout is off.
   * @param checkpointing Whether each layer is computed again in backward, not kept.
   */
  forward(
    config: ModelConfig,
    parameters: Parameters,
    batch: TokenBatch,
    state: DropoutState | undefined,
    checkpointing: boolean,
  ): EncoderOutput;
}
