import { describe, expect, test } from 'vitest';

import { rememberSource, sourceOf } from './provenance.ts';
import { inferRecordType, negativesOf, type Row, unusedColumns, validateRecord } from './records.ts';

const scored = (label: unknown) => ({ sentence1: 'a', sentence2: 'b', label });

describe('inferRecordType', () => {
  test('the most specific type wins', () => {
    expect(inferRecordType({ ...scored(1), text: 'x', text_pos: 'y' })).toBe('scored_pair');
    expect(inferRecordType({ text: 'a', text_pos: 'b', text_neg: 'c' })).toBe('triplet');
    expect(inferRecordType({ text: 'a', text_pos: 'b', text_neg_1: 'c', text_neg_2: 'd' })).toBe('triplet');
    expect(inferRecordType({ text: 'a', text_pos: 'b', id: 1 })).toBe('pair');
    expect(inferRecordType({ text: 'a', text_pos: 'b', vector: [1] })).toBe('pair');
    expect(inferRecordType({ text: 'a', vector: [1] })).toBe('text_vector');
    expect(inferRecordType({ text: 'a', text_pos: 'b', text_neg: ['c'], scores: [1, 0] })).toBe('scored_triplet');
    expect(inferRecordType({ text: 'a', text_pos: 'b', label: 1 })).toBe('pair');
    expect(inferRecordType({ text: 'a', vector: [1], label: 1 })).toBe('text_vector');
    expect(inferRecordType({ text: 'a', label: 'news' })).toBe('labeled_text');
  });

  test('a record of no type names its place and its fields', () => {
    const row = { prompt: 'a', reply: 'b' };
    const text =
      'train.jsonl:412: the fields {prompt, reply} match no record type\n' +
      '  fix: rename them to {text, text_pos}, {text, text_pos, text_neg}, {sentence1, sentence2, label}, {text, vector} or {text, label}';
    expect(() => inferRecordType(row, 'train.jsonl:412')).toThrow(text);
    rememberSource(row, 'train.jsonl:412');
    expect(() => inferRecordType(row)).toThrow(text);
    expect(Object.keys(row)).toEqual(['prompt', 'reply']);
  });
});

describe('what is wrong is told apart', () => {
  const message = (row: Row) => {
    try {
      return inferRecordType(row);
    } catch (error) {
      return (error as Error).message;
    }
  };

  test.each([
    [{ 我手机丢了我想换个手机: 'a', 我想买个新手机求推荐: 'b', '1': 1 }, 'sentence1,sentence2,label'],
    [{ 'How do I learn to swim?': 'a', 'What helps me to swim?': 'b' }, 'text,text_pos'],
  ])('a header that is a record', (row, names) => {
    expect(message(row)).toContain(
      `match no record type; they look like a record, not a header\n  fix: if the file has no header, name its columns: --columns ${names} (option columnNames)`,
    );
  });

  test("numbers alone are pandas' names of columns", () => {
    expect(message({ '0': 'a', '1': 'b' })).toContain('fix: rename them to');
  });

  test("FlagEmbedding's records", () => {
    expect(message({ query: 'a', pos: ['b'], neg: [] })).toContain('fix: use --adapter bge for FlagEmbedding records');
  });

  test('a column that has a meaning and no use is told with what it would be used by', () => {
    expect(
      unusedColumns(['text', 'text_pos', 'text_neg_1', 'label', 'id'], 'pair').map(({ column }) => column),
    ).toEqual(['text_neg_1', 'label']);
    expect(unusedColumns(['text', 'text_pos', 'text_neg', 'scores'], 'scored_triplet')).toEqual([]);
    expect(unusedColumns(['text', 'text_pos', 'pos_scores'], 'pair')[0]?.use).toContain('--adapter bge');
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
    [null, 'null'],
    [Number.NaN, 'NaN'],
    [Number.POSITIVE_INFINITY, 'Infinity'],
  ])('label %o is not a number', (label, shown) => {
    expect(() => validateRecord(scored(label), 'scored_pair', 'train.jsonl:7')).toThrow(
      `train.jsonl:7: label is ${shown}, not a number\n  fix: give a finite number`,
    );
  });

  test.each([
    [true, 1],
    [false, 0],
    ['1', 1],
    ['-0.5', -0.5],
  ])('label %o is the number %o', (label, number) => {
    expect(validateRecord(scored(label), 'scored_pair')).toEqual(scored(number));
  });

  test('a label that is a word names the flag that gives it a number', () => {
    expect(() => validateRecord(scored('entailment'), 'scored_pair', 'train.jsonl:7')).toThrow(
      'train.jsonl:7: label is "entailment", not a number\n  fix: give its number: --label-map entailment=1',
    );
  });

  test('a decimal comma is told', () => {
    expect(() => validateRecord(scored('0,5'), 'scored_pair', 'a.csv:7')).toThrow(
      'a.csv:7: label is "0,5", not a number\n  fix: write decimals with a point',
    );
  });

  test('a text that is not a string names its value', () => {
    expect(() => validateRecord({ text: 'a', text_pos: 5n }, 'pair', 'train.jsonl:2')).toThrow(
      'train.jsonl:2: text_pos is 5, not a text\n  fix: give a string',
    );
  });

  test('a missing field is named beside the fields found', () => {
    expect(() => validateRecord({ text: 'a', text_neg: 'b' }, 'triplet', 'train.jsonl:9')).toThrow(
      'train.jsonl:9: a triplet needs text_pos; the record has {text, text_neg}\n  fix: give every record {text,',
    );
  });

  const pair = { text: 'a', text_pos: 'b' };

  test.each([
    [{ text_neg: 'c' }, ['c']],
    [{ text_neg: ['c', 'd'] }, ['c', 'd']],
    [{ text_neg_1: 'c', text_neg_2: 'd', text_negative: 5 }, ['c', 'd']],
    [{ text_neg_1: 'c', text_neg_2: null }, ['c']],
    [{ text_neg: ['c'], text_neg_1: 'd' }, ['c', 'd']],
    [{ text_neg: [] }, []],
    [{ text_neg: null }, []],
    [{ text_neg_1: null }, []],
    [{}, []],
  ])('negatives of %o', (negatives, texts) => {
    expect(negativesOf(validateRecord({ ...pair, ...negatives }, 'triplet') as object as Row)).toEqual(texts);
  });

  test.each([
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

  test('scores are one for the positive and one for each negative', () => {
    const triplet = { text: 'a', text_pos: 'b', text_neg: ['c', 'd'] };
    expect(() => validateRecord({ ...triplet, scores: [1, 0.5, 0] }, 'scored_triplet')).not.toThrow();
    expect(() => validateRecord({ ...triplet, scores: [1, 0] }, 'scored_triplet', 'train.jsonl:3')).toThrow(
      "train.jsonl:3: 2 scores for a positive and 2 negatives\n  fix: give the positive's score, then one for each negative",
    );
    expect(() => validateRecord({ ...triplet, scores: [1, null, 0] }, 'scored_triplet')).toThrow(
      'not a list of numbers',
    );
  });

  test.each([[null], [''], [[1]], [Number.NaN]])('%o is no class', (label) => {
    expect(() => validateRecord({ text: 'a', label }, 'labeled_text')).toThrow(
      'not a class\n  fix: give a text or a number',
    );
  });

  test('a vector may be a typed array', () => {
    expect(() => validateRecord({ text: 'a', vector: Float32Array.of(1, 2) }, 'text_vector')).not.toThrow();
  });
});
