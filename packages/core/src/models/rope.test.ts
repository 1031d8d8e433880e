/** Both spellings of rotary positions, and what is refused. The numbers themselves are in families.test.ts. */

import { expect, test } from 'vitest';

import { parseConfig } from '../config.ts';
import type { DecoderConfig } from './decoder.ts';

const base = {
  model_type: 'llama',
  vocab_size: 10,
  hidden_size: 32,
  num_hidden_layers: 1,
  num_attention_heads: 4,
  intermediate_size: 8,
  max_position_embeddings: 64,
};
const ropeOf = (keys: object) => (parseConfig({ ...base, ...keys }, 'config.json') as unknown as DecoderConfig).rope;

test.each([
  ['no scaling', { rope_theta: 500 }, { rope_type: 'default', rope_theta: 500 }],
  [
    'linear, as `type`',
    { rope_theta: 500, rope_scaling: { type: 'linear', factor: 4 } },
    { rope_type: 'linear', rope_theta: 500, factor: 4 },
  ],
  [
    'yarn',
    { rope_theta: 500, rope_scaling: { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 16 } },
    { rope_type: 'yarn', rope_theta: 500, factor: 4, original_max_position_embeddings: 16 },
  ],
])('rope_theta and rope_scaling mean what rope_parameters does: %s', (_, old, rope_parameters) => {
  expect(ropeOf(old)).toEqual(ropeOf({ rope_parameters }));
  expect(ropeOf(old)).not.toEqual(ropeOf({}));
});

test('dynamic scaling changes nothing within max_position_embeddings', () => {
  expect(ropeOf({ rope_scaling: { type: 'dynamic', factor: 2 } })).toEqual(ropeOf({}));
});

test.each([
  [
    { rope_scaling: { rope_type: 'longrope', short_factor: [1] } },
    'config.json: rope_scaling.rope_type: Invalid option: expected one of "default"|"linear"|"dynamic"|"llama3"|"yarn" ' +
      '(received "longrope")\n  fix: correct the value or use another model',
  ],
  [
    { num_key_value_heads: 3 },
    'config.json: num_attention_heads 4 is not a multiple of num_key_value_heads 3\n  fix: correct config.json',
  ],
  [
    { num_attention_heads: 5 },
    'config.json: hidden_size 32 is not a multiple of num_attention_heads 5\n  fix: correct config.json',
  ],
])('refuses %j', (keys, text) => {
  expect(() => ropeOf(keys)).toThrow(text);
});
