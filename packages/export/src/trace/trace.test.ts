/** What a trace is: names, order, one description of what is shared; and what it refuses. */

import * as tf from '@tensorflow/tfjs-core';
import { addedRows, Embedder, useEngine } from '@uniem/core';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';

import { tinyModel } from '../../test/tiny-models.ts';
import type { Value } from '../graph.ts';
import { traceModel } from './trace.ts';

let embedder: Embedder;

beforeAll(async () => {
  await useEngine({ backend: 'native' });
});
beforeEach(async () => {
  embedder = await Embedder.fromPretrained(tinyModel('ernie'));
});
afterEach(() => embedder.dispose());

test('names nodes for their modules and constants for their parameters', () => {
  const { nodes, constants } = traceModel(embedder);
  const layer = nodes.map(({ output }) => output.name).filter((name) => name.startsWith('encoder.layer.1.'));
  expect(layer.slice(0, 8)).toEqual([
    'encoder.layer.1.attention.self.query/MatMul',
    'encoder.layer.1.attention.self.query/Add',
    'encoder.layer.1.attention.self.key/MatMul',
    'encoder.layer.1.attention.self.key/Add',
    'encoder.layer.1.attention.self.value/MatMul',
    'encoder.layer.1.attention.self.value/Add',
    'encoder.layer.1.attention.self/Reshape',
    'encoder.layer.1.attention.self/Transpose',
  ]);
  expect(layer.slice(-2)).toEqual([
    'encoder.layer.1.output.LayerNorm/Add',
    'encoder.layer.1.output.LayerNorm/LayerNormalization',
  ]);
  const parameters = constants.flatMap(({ name, source }) => ('parameter' in source ? [[name, source.parameter]] : []));
  expect(parameters.length).toBe(embedder.parameters.size - 2); // the pooler is not run
  for (const [name, parameter] of parameters) expect(name).toBe(parameter);
});

test('reads what was computed before, and computes it once', () => {
  const { inputs, constants, nodes } = traceModel(embedder);
  const known = new Set<Value>([...inputs, ...constants]);
  const names = new Set([...known].map(({ name }) => name));
  for (const { inputs: operands, output } of nodes) {
    for (const operand of operands) expect(known, operand.name).toContain(operand);
    expect(names).not.toContain(output.name);
    expect(output.name).toMatch(/^[\w./-]+$/);
    known.add(output);
    names.add(output.name);
  }
  expect(nodes.filter(({ operation }) => operation === 'CumSum')).toHaveLength(1);
  expect(nodes.filter(({ output }) => output.name.startsWith('attention_mask/Unsqueeze'))).toHaveLength(1);
});

test('leaves the engine and the memory as they were', () => {
  const before = tf.memory().numTensors;
  traceModel(embedder);
  expect(tf.getBackend()).toBe('native');
  expect(tf.memory().numTensors).toBe(before);
});

test('refuses what is of one batch, by the family’s name', () => {
  const rows = tf.variable(tf.zeros([1, embedder.config.hiddenSize]));
  embedder.parameters.set(addedRows(embedder.wordEmbeddings), rows); // their lookup chooses by the ids, on the host
  expect(() => traceModel(embedder)).toThrow(
    /: models of type ernie cannot be exported as a graph: it makes \[\d+\] numbers of a batch on the host\n {2}fix: use --format sentence-transformers/,
  );
  expect(tf.getBackend()).toBe('native');
});

test('refuses a kernel that a graph has no operation for', () => {
  const own = embedder.outputs.bind(embedder);
  embedder.outputs = (batch) => {
    const outputs = own(batch);
    return { ...outputs, sentenceEmbedding: tf.sign(outputs.sentenceEmbedding) };
  };
  expect(() => traceModel(embedder)).toThrow(
    "models of type ernie cannot be exported as a graph: it runs TF.js's kernel Sign, which has no counterpart in a graph",
  );
  expect(tf.getBackend()).toBe('native');
});
