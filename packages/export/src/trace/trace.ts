/**
 * A model's computation as a graph, by running its own forward pass on an engine that records instead of computing.
 *
 * The batch of a trace is packed, as every batch here; the graph's is padded. What a family makes of a batch on the host
 * would be constants of one batch: operations that do so have kernels of their own on this engine. Two batches are traced,
 * and a constant that is not the same in both is refused.
 */

import * as tf from '@tensorflow/tfjs-core';
import { type Embedder, ModelError } from '@uniem/core';

import type { Graph, Output } from '../graph.ts';
import { ATTENTION_KERNELS } from './attention.ts';
import { LAYER_KERNELS } from './layers.ts';
import { PLAIN_KERNELS, type TracingKernel } from './plain.ts';
import { POOLING_KERNELS } from './pooling.ts';
import { HostMadeError, sampleBatch, Tracer } from './tracer.ts';

const ENGINE = 'uniem-trace';

/** What records now; the engine is TF.js's and outlives a trace. */
let current: Tracer | undefined;

function tracer(): Tracer {
  if (!current) throw new Error('internal: the tracing engine is used outside a trace');
  return current;
}

class TracingBackend extends tf.KernelBackend {
  override write(values: tf.BackendValues, shape: number[]): object {
    return tracer().written(values, shape);
  }

  override disposeData(): boolean {
    return true;
  }

  override incRef(): void {}

  override refCount(): number {
    return 1;
  }

  override numDataIds(): number {
    return 0;
  }

  override floatPrecision(): 32 {
    return 32;
  }

  override epsilon(): number {
    return 1e-7;
  }
}

const KERNELS: Record<string, TracingKernel> = {
  ...PLAIN_KERNELS,
  ...LAYER_KERNELS,
  ...ATTENTION_KERNELS,
  ...POOLING_KERNELS,
};

let isRegistered = false;

function register(): void {
  if (isRegistered) return;
  isRegistered = true;
  tf.registerBackend(ENGINE, () => new TracingBackend(), 0);
  for (const [kernelName, kernel] of Object.entries(KERNELS)) {
    const kernelFunc: tf.KernelFunc = ({ inputs, attrs }) => {
      const call = { tracer: tracer(), inputs: inputs as Record<string, tf.TensorInfo>, attributes: { ...attrs } };
      const results = kernel(call);
      const tensors = [results].flat().map((traced) => tracer().tensor(traced, 'float32'));
      return Array.isArray(results) ? tensors : (tensors[0] as tf.TensorInfo);
    };
    tf.registerKernel({ kernelName, backendName: ENGINE, kernelFunc });
  }
}

/**
 * The graph of a model: token ids to its last hidden state and to the vectors that `encode` gives.
 *
 * Takes no memory for weights, which stay where they are.
 *
 * @throws ModelError naming the family, for one that computes what a graph cannot say.
 */
export function traceModel(embedder: Embedder): Graph {
  const [graph, other] = [traceOnce(embedder, 0), traceOnce(embedder, 1)];
  const [lines, otherLines] = [describe(graph), describe(other)];
  const differing = lines.find((line, i) => line !== otherLines[i]);
  if (differing === undefined && lines.length === otherLines.length) return graph;
  throw unsupported(embedder, `${differing ?? 'the number of operations'} depends on the batch it was traced with`);
}

function traceOnce(embedder: Embedder, variant: 0 | 1): Graph {
  register();
  const before = tf.getBackend();
  const batch = sampleBatch(embedder.parameters, variant);
  const tracing = new Tracer(embedder.parameters, batch);
  current = tracing;
  // Without an await in between: nothing else runs while the engine is this one.
  void tf.setBackend(ENGINE);
  try {
    let outputs: Output[] = [];
    tf.tidy(() => {
      const { lastHiddenState, sentenceEmbedding } = embedder.outputs(batch);
      outputs = [
        { name: 'last_hidden_state', value: tracing.traced(lastHiddenState).value },
        { name: 'sentence_embedding', value: tracing.traced(sentenceEmbedding).value },
      ];
    });
    return tracing.builder.graph(outputs);
  } catch (cause) {
    if (cause instanceof HostMadeError) throw unsupported(embedder, cause.message, cause);
    const missing = /Kernel '(\w+)' not registered/.exec((cause as Error).message)?.[1];
    if (missing === undefined) throw cause;
    throw unsupported(embedder, `it runs TF.js's kernel ${missing}, which has no counterpart in a graph`, cause);
  } finally {
    current = undefined;
    void tf.setBackend(before);
  }
}

function unsupported(embedder: Embedder, why: string, cause?: unknown): ModelError {
  return new ModelError(
    `models of type ${embedder.config.modelType} cannot be exported as a graph: ${why}`,
    embedder.folder,
    'use --format sentence-transformers or transformers, which keep the weights as they are',
    { cause },
  );
}

/** A line for each part of a graph, equal for equal parts. */
function describe({ inputs, constants, nodes, outputs }: Graph): string[] {
  return [
    ...inputs.map(({ name }) => name),
    ...constants.map(({ name, shape, source }) =>
      'values' in source ? `${name} [${shape}] ${hash(source.values)}` : `${name} [${shape}]`,
    ),
    ...nodes.map(({ operation, inputs, output, attributes }) => {
      return `${output.name} = ${operation}(${inputs.map(({ name }) => name)}) ${JSON.stringify(attributes)}`;
    }),
    ...outputs.map(({ name, value }) => `${name} = ${value.name}`),
  ];
}

/** FNV-1a over the values' bits. */
function hash(values: Float32Array | Int32Array): number {
  let h = 0x811c9dc5;
  for (const bits of new Uint32Array(values.buffer, values.byteOffset, values.length)) {
    h = Math.imul(h ^ bits, 0x01000193);
  }
  return h >>> 0;
}
