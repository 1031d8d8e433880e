import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { useEngine } from '../engine/engine.ts';
import { coSentLoss, pairLoss, tripletLoss } from './criteria.ts';

beforeAll(async () => {
  await useEngine({ backend: 'cpu' });
});

const a = () => tf.tensor2d([1, 0, 0, 1], [2, 2]);
const value = (loss: tf.Scalar) => loss.dataSync()[0] as number;

describe('pairLoss', () => {
  test('is log(1 + e^(-1/t)) for orthogonal pairs that match', () => {
    expect(value(pairLoss(a(), a(), { temperature: 0.5 }))).toBeCloseTo(Math.log(1 + Math.exp(-2)), 5);
  });

  test('cosent equals softmax', () => {
    const b = tf.tensor2d([0.3, 0.9, -0.5, 0.2], [2, 2]);
    expect(value(pairLoss(a(), b, { type: 'cosent' }))).toBeCloseTo(value(pairLoss(a(), b)), 4);
  });

  test('sigmoid averages over the pairs that are not matches', () => {
    expect(value(pairLoss(a(), a(), { type: 'sigmoid', temperature: 0.5 }))).toBeCloseTo(Math.log(1 + Math.exp(-2)), 5);
  });
});

test('tripletLoss with swap adds the pair loss of positives against texts', () => {
  const negative = tf.tensor2d([0, 1, 1, 0], [2, 2]);
  const plain = value(tripletLoss(a(), a(), negative, { temperature: 0.5 }));
  const swapped = value(tripletLoss(a(), a(), negative, { temperature: 0.5, swap: true }));
  expect(swapped - plain).toBeCloseTo(value(pairLoss(a(), a(), { temperature: 0.5 })), 5);
});

test('coSentLoss counts only pairs whose labels differ', () => {
  const second = tf.tensor2d([1, 0, 1, 0], [2, 2]); // cosines 1 and 0
  expect(value(coSentLoss(a(), second, tf.tensor1d([1, 1])))).toBe(0);
  expect(value(coSentLoss(a(), second, tf.tensor1d([0, 1]), 0.5))).toBeCloseTo(Math.log(1 + Math.exp(2)), 5);
});
