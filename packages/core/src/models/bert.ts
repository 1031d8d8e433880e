/**
 * BERT: absolute positions, token types, post-norm. Agrees with transformers' models/bert/modeling_bert.py.
 * B texts, T tokens of all of them, H hidden units.
 */

import * as tf from '@tensorflow/tfjs';

import type { ModelConfig } from '../config.ts';
import { ACTIVATIONS } from '../operations/activation.ts';
import { type AttentionPlan, attention, planAttention } from '../operations/attention.ts';
import { type DropoutState, dropout } from '../operations/dropout.ts';
import { embedding } from '../operations/embedding.ts';
import { layerNorm } from '../operations/layer-norm.ts';
import { linear } from '../operations/linear.ts';
import { recompute } from '../operations/recompute.ts';
import { type Parameters, parameter } from '../parameters.ts';
import { lengthsOf, type TokenBatch } from '../token-batch.ts';
import type { EncoderOutput, Family } from './family.ts';

export const bert: Family = { prefix: 'bert', shapes, optional, forward };

function shapes(config: ModelConfig): Map<string, number[]> {
  const { hiddenSize: H, intermediateSize: I } = config;
  const all = new Map<string, number[]>();
  const dense = (name: string, outputs: number, inputs: number) => {
    all.set(`${name}.weight`, [outputs, inputs]);
    all.set(`${name}.bias`, [outputs]);
  };
  const norm = (name: string) => {
    all.set(`${name}.weight`, [H]);
    all.set(`${name}.bias`, [H]);
  };
  all.set('embeddings.word_embeddings.weight', [config.vocabSize, H]);
  all.set('embeddings.position_embeddings.weight', [config.maxPositions, H]);
  all.set('embeddings.token_type_embeddings.weight', [config.tokenTypes, H]);
  norm('embeddings.LayerNorm');
  for (let layer = 0; layer < config.layers; layer++) {
    const at = `encoder.layer.${layer}`;
    for (const part of ['query', 'key', 'value']) dense(`${at}.attention.self.${part}`, H, H);
    dense(`${at}.attention.output.dense`, H, H);
    norm(`${at}.attention.output.LayerNorm`);
    dense(`${at}.intermediate.dense`, I, H);
    dense(`${at}.output.dense`, H, I);
    norm(`${at}.output.LayerNorm`);
  }
  dense('pooler.dense', H, H);
  return all;
}

/** The pooler is loaded and saved, never run: no pooling of ours reads it. */
function optional(): Set<string> {
  return new Set(['pooler.dense.weight', 'pooler.dense.bias']);
}

function forward(
  config: ModelConfig,
  parameters: Parameters,
  batch: TokenBatch,
  state: DropoutState | undefined,
  checkpointing: boolean,
): EncoderOutput {
  const words = embedding(parameter(parameters, 'embeddings.word_embeddings.weight') as tf.Tensor2D, batch.inputIds); // [T, H]
  const first = embed(config, parameters, batch, words, state);
  const plan = checkpointing ? undefined : planAttention(batch); // what is computed again makes its own
  let hidden = first;
  for (let layer = 0; layer < config.layers; layer++) {
    const at = `encoder.layer.${layer}`;
    const run = (x: tf.Tensor2D, state: DropoutState | undefined) =>
      encoderLayer(config, parameters, at, x, plan ?? planAttention(batch), state);
    hidden = checkpointing ? checkpointed(parameters, at, hidden, run, state) : run(hidden, state);
  }
  return { words, first, last: hidden };
}

/** A layer that is computed again in backward, with the masks it had. */
function checkpointed(
  parameters: Parameters,
  at: string,
  x: tf.Tensor2D,
  run: (x: tf.Tensor2D, state: DropoutState | undefined) => tf.Tensor2D,
  state: DropoutState | undefined,
): tf.Tensor2D {
  const own = [...parameters].flatMap(([name, variable]) => (name.startsWith(`${at}.`) ? [variable] : []));
  const before = state && { ...state };
  return recompute(x, own, (input) => {
    const replayed = before && { ...before };
    const result = run(input, replayed);
    if (state && replayed) state.place = Math.max(state.place, replayed.place);
    return result;
  });
}

/** Sum of word, position and type embeddings, normalized; every text is one segment, of type 0. */
function embed(
  config: ModelConfig,
  parameters: Parameters,
  batch: TokenBatch,
  words: tf.Tensor2D,
  state: DropoutState | undefined,
): tf.Tensor2D {
  const positionIds = Int32Array.from(lengthsOf(batch).flatMap((length) => [...Array(length).keys()]));
  const positions = embedding(
    parameter(parameters, 'embeddings.position_embeddings.weight') as tf.Tensor2D,
    positionIds,
  );
  const types = tf.slice(parameter(parameters, 'embeddings.token_type_embeddings.weight') as tf.Tensor2D, 0, 1);
  const sum = tf.add(tf.add(words, types), positions) as tf.Tensor2D; // [T, H]
  return dropout(normalized(config, parameters, 'embeddings.LayerNorm', sum), config.hiddenDropout, state);
}

function encoderLayer(
  config: ModelConfig,
  parameters: Parameters,
  at: string,
  x: tf.Tensor2D,
  plan: AttentionPlan,
  state: DropoutState | undefined,
): tf.Tensor2D {
  const dense = (name: string, input: tf.Tensor2D) =>
    linear(
      input,
      parameter(parameters, `${at}.${name}.weight`) as tf.Tensor2D,
      parameter(parameters, `${at}.${name}.bias`) as tf.Tensor1D,
    );
  const [q, k, v] = ['query', 'key', 'value'].map((part) => dense(`attention.self.${part}`, x)) as [
    tf.Tensor2D,
    tf.Tensor2D,
    tf.Tensor2D,
  ];
  const context = attention(q, k, v, config.heads, plan, config.attentionDropout, state);
  const attended = dropout(dense('attention.output.dense', context), config.hiddenDropout, state);
  const middle = normalized(config, parameters, `${at}.attention.output.LayerNorm`, attended, x);
  const wide = ACTIVATIONS[config.activation](dense('intermediate.dense', middle)); // [T, 4H]
  const narrow = dropout(dense('output.dense', wide), config.hiddenDropout, state);
  return normalized(config, parameters, `${at}.output.LayerNorm`, narrow, middle);
}

function normalized(
  config: ModelConfig,
  parameters: Parameters,
  at: string,
  x: tf.Tensor2D,
  residual?: tf.Tensor2D,
): tf.Tensor2D {
  return layerNorm(
    x,
    parameter(parameters, `${at}.weight`) as tf.Tensor1D,
    parameter(parameters, `${at}.bias`) as tf.Tensor1D,
    config.layerNormEps,
    residual,
  );
}
