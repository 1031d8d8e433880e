/** Values of config.json that no model has, and that would take all time or memory, or read outside a table. */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { expect, test } from 'vitest';

import { parseConfig } from './config.ts';

const configOf = (family: string) =>
  JSON.parse(
    readFileSync(
      fileURLToPath(new URL(`../../../../fixtures/families/${family}/config.json`, import.meta.url)),
      'utf8',
    ),
  );

test.each([
  ['bert-relu', 'num_hidden_layers'],
  ['albert', 'inner_group_num'],
  ['albert', 'num_hidden_groups'],
  ['distilbert', 'n_layers'],
  ['gpt2', 'n_layer'],
  ['gpt_neo', 'num_layers'],
  ['llama', 'num_hidden_layers'],
  ['modernbert', 'num_hidden_layers'],
  ['t5', 'num_layers'],
])('%s of a billion %s is refused', (family, key) => {
  expect(() => parseConfig({ ...configOf(family), [key]: 1e9 }, 'config.json')).toThrow(
    `config.json: ${key}: Too big: expected number to be <=1000 (received 1000000000)\n  fix: correct the value`,
  );
});

test.each([
  ['bert-relu', 'hidden_size'],
  ['gpt2', 'n_embd'],
  ['llama', 'hidden_size'],
  ['modernbert', 'hidden_size'],
  ['qwen3', 'head_dim'],
  ['t5', 'd_model'],
])('%s of four billion %s is refused', (family, key) => {
  expect(() => parseConfig({ ...configOf(family), [key]: 2 ** 32 }, 'config.json')).toThrow(
    `config.json: ${key}: Too big: expected number to be <=1000000 (received 4294967296)\n  fix: correct the value`,
  );
});

test('T5 whose farthest distance has a bucket of its own is refused: its other buckets would be negative', () => {
  expect(() => parseConfig({ ...configOf('t5'), relative_attention_max_distance: 2 }, 'config.json')).toThrow(
    'config.json: relative_attention_max_distance 2 is not above 2, a quarter of relative_attention_num_buckets\n  fix: ',
  );
  expect(() => parseConfig({ ...configOf('t5'), relative_attention_num_buckets: 3 }, 'config.json')).toThrow(
    'config.json: relative_attention_num_buckets: Too small: expected number to be >=4 (received 3)\n  fix: ',
  );
});
