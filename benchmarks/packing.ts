/**
 * Packed beside padded on our own engine: one training step on texts of lognormal length (median 300, σ 1.1, cut to the
 * model's 512 tokens). Prints tokens a second of both, and how far loss and gradients lie apart.
 * node benchmarks/dist/packing.js MODEL_FOLDER [rounds]
 */

import * as tf from '@tensorflow/tfjs-core';
import { Embedder, lengthsOf, type Parameters, packTokens, pairLoss, type TokenBatch, useEngine } from '@uniem/core';
import * as operations from '@uniem/core/operations';

const PAIRS = 8;
const [folder, rounds = '5'] = process.argv.slice(2) as [string, string?];
await useEngine({ backend: 'native' });
const embedder = await Embedder.fromPretrained(folder, { maxLength: 512 });
const variables = [...embedder.parameters].flatMap(([name, variable]) => (name.startsWith('pooler') ? [] : [variable]));
const batch = lognormalBatch(2 * PAIRS);
const tokens = batch.inputIds.length;

const sides = { packed: () => embedder.embed(batch), padded: () => paddedMean(embedder, batch) };
const seconds = { packed: [] as number[], padded: [] as number[] };
const results: Record<string, { loss: number; gradients: Float32Array[] }> = {};
for (let round = 0; round <= Number(rounds); round++) {
  for (const side of ['packed', 'padded'] as const) {
    const start = performance.now();
    const { value, grads } = tf.variableGrads(() => {
      const embeddings = sides[side]();
      const part = (at: number) => tf.slice(embeddings, [at, 0], [PAIRS, -1]) as tf.Tensor2D;
      return pairLoss(part(0), part(PAIRS));
    }, variables);
    const loss = value.dataSync()[0] as number;
    if (round > 0) seconds[side].push((performance.now() - start) / 1000);
    results[side] = { loss, gradients: variables.map(({ name }) => grads[name]?.dataSync() as Float32Array) };
    tf.dispose([value, ...Object.values(grads)]);
  }
}
const median = (numbers: number[]) => numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)] as number;
const rate = (side: 'packed' | 'padded') => tokens / median(seconds[side]);
const { packed, padded } = results as Record<'packed' | 'padded', { loss: number; gradients: Float32Array[] }>;
const longest = Math.max(...lengthsOf(batch));
console.log(`${2 * PAIRS} texts, ${tokens} tokens, ${2 * PAIRS * longest} with padding`);
console.log(`packed ${rate('packed').toFixed(0)} tokens/s, padded ${rate('padded').toFixed(0)} tokens/s`);
console.log(`${(rate('packed') / rate('padded')).toFixed(2)}x`);
console.log(
  `loss ${packed.loss.toFixed(6)} and ${padded.loss.toFixed(6)}, gradients apart by ${apart().toExponential(1)}, largest ${largest().toFixed(2)}`,
);

/** The largest value of any gradient. */
function largest(): number {
  return packed.gradients.reduce(
    (most, gradient) => gradient.reduce((m, value) => Math.max(m, Math.abs(value)), most),
    0,
  );
}

/** The largest difference of any two gradients. */
function apart(): number {
  return packed.gradients.reduce((worst, gradient, k) => {
    const other = padded.gradients[k] as Float32Array;
    return gradient.reduce((most, value, i) => Math.max(most, Math.abs(value - (other[i] as number))), worst);
  }, 0);
}

function lognormalBatch(texts: number): TokenBatch {
  let state = 1;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  return packTokens(
    Array.from({ length: texts }, () => {
      const normal = Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
      const length = Math.max(3, Math.min(512, Math.round(300 * Math.exp(1.1 * normal))));
      return Int32Array.from({ length }, () => 1000 + Math.floor(uniform() * 20000));
    }),
  );
}

/** The same BERT as any padding library runs it: every text as long as the longest, padding masked in attention. */
function paddedMean({ config, parameters }: Embedder, batch: TokenBatch): tf.Tensor2D {
  const { linear, layerNorm, gelu, embedding } = operations;
  const number = (key: string) => config.raw[key] as number;
  const [heads, layers, eps] = [number('num_attention_heads'), number('num_hidden_layers'), number('layer_norm_eps')];
  const lengths = lengthsOf(batch);
  const [B, L, H] = [lengths.length, Math.max(...lengths), config.hiddenSize];
  const ids = new Int32Array(B * L);
  lengths.forEach((length, b) => {
    ids.set(batch.inputIds.subarray(batch.offsets[b], (batch.offsets[b] as number) + length), b * L);
  });
  const real = (b: number, t: number) => t < (lengths[b] as number);
  const mask = Float32Array.from({ length: B * L }, (_, i) => (real(Math.floor(i / L), i % L) ? 0 : -1e9));
  const bias = tf.tensor4d(mask, [B, 1, 1, L]);
  const p = (name: string) => (parameters as Parameters).get(name) as tf.Tensor;
  const norm = (at: string, x: tf.Tensor2D, residual?: tf.Tensor2D) =>
    layerNorm(x, p(`${at}.weight`) as tf.Tensor1D, p(`${at}.bias`) as tf.Tensor1D, eps, residual);
  const dense = (at: string, x: tf.Tensor2D) =>
    linear(x, p(`${at}.weight`) as tf.Tensor2D, p(`${at}.bias`) as tf.Tensor1D);
  const positions = Int32Array.from({ length: B * L }, (_, i) => i % L);
  let x = norm(
    'embeddings.LayerNorm',
    tf.add(
      tf.add(
        embedding(p('embeddings.word_embeddings.weight') as tf.Tensor2D, ids),
        tf.slice(p('embeddings.token_type_embeddings.weight') as tf.Tensor2D, 0, 1),
      ),
      embedding(p('embeddings.position_embeddings.weight') as tf.Tensor2D, positions),
    ) as tf.Tensor2D,
  );
  const D = H / heads;
  const split = (y: tf.Tensor2D) => tf.transpose(tf.reshape(y, [B, L, heads, D]), [0, 2, 1, 3]);
  for (let layer = 0; layer < layers; layer++) {
    const at = `encoder.layer.${layer}`;
    const [q, k, v] = ['query', 'key', 'value'].map((part) => split(dense(`${at}.attention.self.${part}`, x)));
    const logits = tf.mul(tf.matMul(q as tf.Tensor, k as tf.Tensor, false, true), 1 / Math.sqrt(D));
    const context = tf.matMul(tf.softmax(tf.add(logits, bias)), v as tf.Tensor);
    const joined = tf.reshape(tf.transpose(context, [0, 2, 1, 3]), [B * L, H]) as tf.Tensor2D;
    const middle = norm(`${at}.attention.output.LayerNorm`, dense(`${at}.attention.output.dense`, joined), x);
    const wide = gelu(dense(`${at}.intermediate.dense`, middle));
    x = norm(`${at}.output.LayerNorm`, dense(`${at}.output.dense`, wide), middle);
  }
  const weights = Float32Array.from({ length: B * B * L }, (_, i) => {
    const [row, column] = [Math.floor(i / (B * L)), i % (B * L)];
    const b = Math.floor(column / L);
    return b === row && real(b, column % L) ? 1 / (lengths[b] as number) : 0;
  });
  return tf.matMul(tf.tensor2d(weights, [B, B * L]), x);
}
