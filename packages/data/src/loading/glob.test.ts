import { describe, expect, test } from 'vitest';

import { isPattern, matcher, patternBase } from './glob.ts';

const FILES = [
  'train.jsonl',
  'data/train-00000-of-00002.parquet',
  'data/en/test.csv',
  'a+b.json',
  '.hidden.json',
  'data/.git/x.csv',
];

describe('matcher', () => {
  test.each([
    ['*.jsonl', ['train.jsonl']],
    ['*', ['train.jsonl', 'a+b.json']],
    ['data/train-*', ['data/train-00000-of-00002.parquet']],
    ['**/*.csv', ['data/en/test.csv']],
    ['**', ['train.jsonl', 'data/train-00000-of-00002.parquet', 'data/en/test.csv', 'a+b.json']],
    ['data/**/test.csv', ['data/en/test.csv']],
    ['data/train-0000?-of-*.parquet', ['data/train-00000-of-00002.parquet']],
    ['{train,test}.jsonl', ['train.jsonl']],
    ['[st]rain.jsonl', ['train.jsonl']],
    ['[!t]rain.jsonl', []],
    ['a+b.json', ['a+b.json']],
    ['a+b?json', ['a+b.json']],
    ['.*.json', ['.hidden.json']],
  ])('%s', (pattern, matches) => {
    expect(FILES.filter(matcher(pattern))).toEqual(matches);
  });

  test('the base is the folder before the first special character', () => {
    expect(patternBase('/a/b/*.csv')).toBe('/a/b');
    expect(patternBase('a/**/x.csv')).toBe('a');
    expect(patternBase('*.csv')).toBe('.');
    expect(patternBase('/*.csv')).toBe('/');
    expect([isPattern('a/b.csv'), isPattern('a/{b,c}.csv')]).toEqual([false, true]);
  });
});
