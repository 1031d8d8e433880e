import { describe, expect, test } from 'vitest';

import { rememberSource, sourceOf } from './provenance.ts';
import { inferRecordType, validateRecord } from './records.ts';

const scored = (label: unknown) => ({ sentence1: 'a', sentence2: 'b', label });

describe('inferRecordType', () => {
  test('the most specific type wins', () => {
    expect(inferRecordType({ ...scored(1), text: 'x', text_pos: 'y' })).toBe('scored_pair');
    expect(inferRecordType({ text: 'a', text_pos: 'b', text_neg: 'c' })).toBe('triplet');
    expect(inferRecordType({ text: 'a', text_pos: 'b', id: 1 })).toBe('pair');
  });

  test('a record of no type names its place and its fields', () => {
    const row = { query: 'a', answer: 'b' };
    const text =
      'train.jsonl:412: the fields {query, answer} match no record type\n' +
      '  fix: rename them to {text, text_pos}, {text, text_pos, text_neg} or {sentence1, sentence2, label}';
    expect(() => inferRecordType(row, 'train.jsonl:412')).toThrow(text);
    rememberSource(row, 'train.jsonl:412');
    expect(() => inferRecordType(row)).toThrow(text);
    expect(Object.keys(row)).toEqual(['query', 'answer']);
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
});
