import { describe, expect, test } from 'vitest';

import { rememberSource, sourceOf } from './provenance.ts';
import { inferRecordType, negativesOf, type Row, validateRecord } from './records.ts';

const scored = (label: unknown) => ({ sentence1: 'a', sentence2: 'b', label });

describe('inferRecordType', () => {
  test('the most specific type wins', () => {
    expect(inferRecordType({ ...scored(1), text: 'x', text_pos: 'y' })).toBe('scored_pair');
    expect(inferRecordType({ text: 'a', text_pos: 'b', text_neg: 'c' })).toBe('triplet');
    expect(inferRecordType({ text: 'a', text_pos: 'b', text_neg_1: 'c', text_neg_2: 'd' })).toBe('triplet');
    expect(inferRecordType({ text: 'a', text_pos: 'b', id: 1 })).toBe('pair');
    expect(inferRecordType({ text: 'a', text_pos: 'b', vector: [1] })).toBe('pair');
    expect(inferRecordType({ text: 'a', vector: [1] })).toBe('text_vector');
  });

  test('a record of no type names its place and its fields', () => {
    const row = { prompt: 'a', reply: 'b' };
    const text =
      'train.jsonl:412: the fields {prompt, reply} match no record type\n' +
      '  fix: rename them to {text, text_pos}, {text, text_pos, text_neg}, {sentence1, sentence2, label} or {text, vector}';
    expect(() => inferRecordType(row, 'train.jsonl:412')).toThrow(text);
    rememberSource(row, 'train.jsonl:412');
    expect(() => inferRecordType(row)).toThrow(text);
    expect(Object.keys(row)).toEqual(['prompt', 'reply']);
  });
});

describe('validateRecord', () => {
  test('gives the record itself', () => {
    const row = { text: 'a', text_pos: 'b', id: 7 };
    expect(validateRecord(row, 'pair')).toBe(row);
  });

  test('a bigint label becomes a number and keeps its place', () => {
    const row = scored(3n);
    rememberSource(row, 'train.jsonl:7');
    const record = validateRecord(row, 'scored_pair');
    expect(record).toEqual(scored(3));
    expect(sourceOf(record)).toBe('train.jsonl:7');
  });

  test.each([
    ['high', '"high"'],
    [null, 'null'],
    [Number.NaN, 'NaN'],
    [Number.POSITIVE_INFINITY, 'Infinity'],
    [true, 'true'],
  ])('label %o is not a number', (label, shown) => {
    expect(() => validateRecord(scored(label), 'scored_pair', 'train.jsonl:7')).toThrow(
      `train.jsonl:7: label is ${shown}, not a number\n  fix: give a finite number`,
    );
  });

  test('a text that is not a string names its value', () => {
    expect(() => validateRecord({ text: 'a', text_pos: 5n }, 'pair', 'train.jsonl:2')).toThrow(
      'train.jsonl:2: text_pos is 5, not a text\n  fix: give a string',
    );
  });

  test('a missing field is named beside the fields found', () => {
    expect(() => validateRecord({ text: 'a', text_pos: 'b' }, 'triplet', 'train.jsonl:9')).toThrow(
      'train.jsonl:9: a triplet needs text_neg; the record has {text, text_pos}\n  fix: give every record {text,',
    );
  });

  const pair = { text: 'a', text_pos: 'b' };

  test.each([
    [{ text_neg: 'c' }, ['c']],
    [{ text_neg: ['c', 'd'] }, ['c', 'd']],
    [{ text_neg_1: 'c', text_neg_2: 'd', text_negative: 5 }, ['c', 'd']],
    [{ text_neg_1: 'c', text_neg_2: null }, ['c']],
    [{ text_neg: ['c'], text_neg_1: 'd' }, ['c', 'd']],
  ])('negatives of %o', (negatives, texts) => {
    expect(negativesOf(validateRecord({ ...pair, ...negatives }, 'triplet') as object as Row)).toEqual(texts);
  });

  test.each([
    [{ text_neg: [] }, 'the triplet has no negative\n  fix: give it one, or leave the record out'],
    [{ text_neg_1: null }, 'the triplet has no negative\n  fix: give it one'],
    [{ text_neg: null }, 'text_neg is null, not a text\n  fix: give a string'],
    [{ text_neg: ['c', 4] }, 'text_neg is 4, not a text\n  fix: give a string'],
    [{ text_neg_1: ['c'] }, 'text_neg_1 is ["c"], not a text\n  fix: give a string'],
  ])('a triplet with %o is refused', (negatives, what) => {
    expect(() => validateRecord({ ...pair, ...negatives }, 'triplet', 'train.jsonl:3')).toThrow(
      `train.jsonl:3: ${what}`,
    );
  });

  test.each([
    ['[1, 2]', '"[1, 2]"'],
    [[], '[]'],
    [[1, Number.NaN], '[1,null]'],
    [[1, '2'], '[1,"2"]'],
  ])('vector %o is refused', (vector, shown) => {
    expect(() => validateRecord({ text: 'a', vector }, 'text_vector', 'train.jsonl:3')).toThrow(
      `train.jsonl:3: vector is ${shown}, not a list of numbers\n  fix: give finite numbers`,
    );
  });

  test('a vector may be a typed array', () => {
    expect(() => validateRecord({ text: 'a', vector: Float32Array.of(1, 2) }, 'text_vector')).not.toThrow();
  });
});
