/** What a model family declares: its config keys, its parameters, its forward pass. A new family is one such file. */

import type * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';

import type { DropoutState } from '../operations/dropout.ts';
import type { TokenBatch } from '../tokenizer/token-batch.ts';
import type { Parameters } from './parameters.ts';

/** What every family's config has, and all that code outside the families reads. */
export interface EncoderConfig {
  hiddenSize: number;
  /** Tokens of the longest text; Infinity where positions are relative and config.json names no limit. */
  maxPositions: number;
  /** Probability by place. */
  dropout: Dropouts;
}

export interface Dropouts {
  /** Of the embedding layer's output. */
  embedding: number;
  /** Of what a sublayer adds to its input. */
  hidden: number;
  /** Of attention weights. */
  attention: number;
}

/** What poolings read; all float32 [T, H]. */
export interface EncoderOutput {
  /** Raw word embeddings, before positions and normalization. */
  words: tf.Tensor2D;
  /** The embedding layer's output: transformers' hidden_states[0]. */
  first: tf.Tensor2D;
  /** The last hidden state. */
  last: tf.Tensor2D;
}

/** One forward pass. */
export interface Run {
  parameters: Parameters;
  batch: TokenBatch;
  /** Undefined, dropout is off. */
  state: DropoutState | undefined;
  /** Whether each layer is computed again in backward, not kept. */
  checkpointing: boolean;
}

/** C is what `schema` makes of config.json and the other functions read. */
export interface Family<C extends EncoderConfig = EncoderConfig> {
  /** What names of a checkpoint with a head begin with. */
  prefix: string;
  /** Other names that checkpoints have of tied parameters, by ours. */
  aliases?: Readonly<Record<string, string>>;
  /** Checks config.json's keys and gives them our names. */
  schema: z.ZodType<C>;
  /** Every parameter's shape by checkpoint name, in checkpoint order. */
  shapes(config: C): Map<string, number[]>;
  /** Names a checkpoint may lack; loaded and saved where present. */
  optional(config: C): Set<string>;
  /** Runs the encoder. Call inside tf.tidy. */
  forward(config: C, run: Run): EncoderOutput;
}

/** A size in a schema. */
export const count = z.number().int().positive();

/** Layers in a schema; the table of their parameters is made before a weight file shows how many there are. */
export const layerCount = count.max(1000);

/** Values of a vector in a schema; the table of rotary frequencies is made of it. */
export const width = count.max(1_000_000);

/** A dropout in a schema. */
export const probability = z.number().min(0).max(1);

/** A normalization's ε in a schema. */
export const epsilon = z.number().positive();

/** A schema's check: one key's value is a multiple of another's. */
export function multiple<K extends string>(whole: K, part: K) {
  return ({ value, issues }: z.core.ParsePayload<Record<K, number>>): void => {
    if (value[whole] % value[part] === 0) return;
    const message = `${whole} ${value[whole]} is not a multiple of ${part} ${value[part]}`;
    issues.push({ code: 'custom', message, input: value, path: [] });
  };
}
