/** One trace of a model: what its tensors stand for in the graph, and where its host-made numbers come from. */

import type * as tf from '@tensorflow/tfjs-core';
import type { Parameters, TokenBatch } from '@uniem/core';

import { GraphBuilder } from '../builder.ts';
import type { Dim, Value } from '../graph.ts';

type Shape = readonly number[];

/** A tensor of the traced engine: the graph's value, and the shape that TF.js knows it by. */
export interface Traced {
  value: Value;
  shape: Shape;
}

/** A parameter of the model. */
interface KnownParameter {
  name: string;
  shape: Shape;
}

/**
 * A batch whose number of tokens T and of texts B occur in no shape of the model, so that every length in a shape can be
 * told: c·T is that of tokens, B of texts, all others are the model's own.
 *
 * @param variant Batches of two variants have nothing in common that is not every batch's.
 */
export function sampleBatch(parameters: Parameters, variant: 0 | 1): TokenBatch {
  const largest = Math.max(...[...parameters.values()].flatMap(({ shape }) => [1, ...shape]));
  const B = largest + 1 + variant;
  const lengths = new Array<number>(B).fill(1);
  lengths[variant] = 3;
  lengths[B - 1] = 2 + variant;
  const offsets = new Int32Array(B + 1);
  lengths.forEach((length, b) => {
    offsets[b + 1] = (offsets[b] as number) + length;
  });
  return { inputIds: new Int32Array(offsets[B] as number), offsets };
}

/** A model makes numbers of a batch that no operation of a graph makes. */
export class HostMadeError extends Error {}

export class Tracer {
  readonly builder = new GraphBuilder();
  readonly inputIds: Value;
  readonly attentionMask: Value;
  readonly #batch: TokenBatch;
  readonly #values = new WeakMap<object, Traced>();
  readonly #parameters: ReadonlyMap<object, KnownParameter>;
  #tokenTypeIds: Value | undefined;

  constructor(parameters: Parameters, batch: TokenBatch) {
    this.#batch = batch;
    this.#parameters = new Map([...parameters].map(([name, { dataId, shape }]) => [dataId, { name, shape }]));
    this.inputIds = this.builder.input('input_ids');
    this.attentionMask = this.builder.input('attention_mask');
  }

  /** T */
  get tokens(): number {
    return this.#batch.inputIds.length;
  }

  /** B */
  get texts(): number {
    return this.#batch.offsets.length - 1;
  }

  /** The third input, where a model reads it. */
  get tokenTypeIds(): Value {
    this.#tokenTypeIds ??= this.builder.input('token_type_ids');
    return this.#tokenTypeIds;
  }

  /** A new tensor for a value. */
  tensor(traced: Traced, dtype: tf.DataType): tf.TensorInfo {
    const dataId = {};
    this.#values.set(dataId, traced);
    return { dataId, shape: [...traced.shape], dtype };
  }

  /** A tensor made of numbers on the host: of the batch, or a constant. */
  written(values: tf.BackendValues, shape: Shape): object {
    const dataId = {};
    this.#values.set(dataId, { value: this.#hostValue(values, shape), shape });
    return dataId;
  }

  #hostValue(values: tf.BackendValues, shape: Shape): Value {
    if (values === this.#batch.inputIds) return this.inputIds;
    if (values === this.#batch.offsets) return this.builder.scalar(0, 'int32'); // read by no operation of a padded batch
    const first = values instanceof Int32Array ? this.#firstPosition(values) : undefined;
    if (first !== undefined) return this.positions(first);
    if (shape.some((dim) => dim >= this.texts))
      throw new HostMadeError(`it makes [${shape}] numbers of a batch on the host`);
    if (values instanceof Float32Array || values instanceof Int32Array) return this.builder.constant(values, shape);
    throw new Error(`internal: ${values.constructor.name} on the tracing engine`);
  }

  /** Of an array of each token's place in its own text, the place of the first; undefined for any other. */
  #firstPosition(values: Int32Array): number | undefined {
    const { offsets } = this.#batch;
    if (values.length !== this.tokens) return undefined;
    const first = values[0] as number;
    for (let b = 0; b + 1 < offsets.length; b++) {
      const start = offsets[b] as number;
      for (let t = start; t < (offsets[b + 1] as number); t++) if (values[t] !== t - start + first) return undefined;
    }
    return first;
  }

  /** int32 [batch, sequence]: how many tokens of its text there are up to each one, itself included. */
  tokenCounts(): Value {
    return this.builder.within('attention_mask', [], () => {
      return this.builder.node('CumSum', [this.attentionMask], { axis: 1 });
    });
  }

  /** int32 [batch, sequence]: each token's place in its text, `first` for the first; padding has a place of the text's. */
  positions(first = 0): Value {
    const { builder } = this;
    return builder.within('position_ids', [], () => {
      const places = builder.node('Sub', [this.tokenCounts(), builder.scalar(1, 'int32')], {});
      const within = builder.node('Maximum', [places, builder.scalar(0, 'int32')], {});
      return first === 0 ? within : builder.node('Add', [within, builder.scalar(first, 'int32')], {});
    });
  }

  /** float32 [batch, sequence]: the attention mask. */
  mask(): Value {
    const { builder } = this;
    return builder.within('attention_mask', [], () =>
      builder.precisely(() => builder.node('Cast', [this.attentionMask], { to: 'float32' })),
    );
  }

  /** What a tensor stands for; a parameter lies on the engine that computes, and is only named here. */
  traced(tensor: tf.TensorInfo): Traced {
    const parameter = this.#parameters.get(tensor.dataId);
    if (parameter) return { value: this.builder.parameter(parameter.name, parameter.shape), shape: tensor.shape };
    const traced = this.#values.get(tensor.dataId);
    if (!traced) throw new Error('internal: a tensor of another engine that is no parameter');
    return { value: traced.value, shape: tensor.shape };
  }

  /** The name of a tensor that is a parameter. */
  parameterName(tensor: tf.TensorInfo | undefined): string | undefined {
    return tensor && this.#parameters.get(tensor.dataId)?.name;
  }

  /** A shape of the engine's as the graph has it: the axis of tokens becomes batch and sequence. */
  padded(shape: Shape): Dim[] {
    const [first, ...rest] = shape;
    if (first === undefined) return [];
    const tokens = first / this.tokens;
    if (rest.some((dim) => dim >= this.texts)) throw new Error(`internal: tokens are not first in [${shape}]`);
    if (first === this.texts) return ['batch', ...rest];
    if (first < this.texts) return [...shape];
    if (!Number.isInteger(tokens)) throw new Error(`internal: ${first} values of ${this.tokens} tokens`);
    return ['batch', 'sequence', ...(tokens > 1 ? [tokens] : []), ...rest];
  }
}
