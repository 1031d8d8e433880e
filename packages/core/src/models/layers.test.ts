import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { useEngine } from '../engine/engine.ts';
import { addedRows, rows } from './layers.ts';

describe.each(['native', 'tensorflow', 'wasm', 'cpu'] as const)('rows of a table, by %s', (backend) => {
  beforeAll(async () => {
    await useEngine({ backend });
  });
  const parameters = new Map<string, tf.Variable>();
  afterAll(() => tf.dispose([...parameters.values()]));

  test('past its end are an error, not zeros; added ones are not', () => {
    parameters.set('words.weight', tf.variable(tf.tensor2d([1, 2, 3, 4], [2, 2])));
    expect(() => rows(parameters, 'words', Int32Array.of(0, 2))).toThrow(
      'tensor words.weight: has 2 rows, and a token asks for row 2\n  fix: use the tokenizer of this model',
    );
    parameters.set(addedRows('words'), tf.variable(tf.tensor2d([5, 6], [1, 2])));
    const found = rows(parameters, 'words', Int32Array.of(0, 2));
    expect([...found.dataSync()]).toEqual([1, 2, 5, 6]);
    found.dispose();
    expect(() => rows(parameters, 'words', Int32Array.of(3))).toThrow('has 3 rows, and a token asks for row 3');
  });
});
