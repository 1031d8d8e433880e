/** Older spellings of config.json mean what transformers 5 writes, whose numbers families.test.ts holds; what is refused. */

import { expect, test } from 'vitest';

import { parseConfig } from './config.ts';
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

test("Nomic BERT's own keys", () => {
  const own = {
    model_type: 'nomic_bert',
    vocab_size: 10,
    n_embd: 32,
    n_layer: 1,
    n_head: 4,
    n_inner: 8,
    n_positions: 64,
    type_vocab_size: 2,
    activation_function: 'swiglu',
    layer_norm_epsilon: 1e-12,
    rotary_emb_base: 500,
    rotary_emb_fraction: 1,
    prenorm: false,
    qkv_proj_bias: false,
    mlp_fc1_bias: false,
    mlp_fc2_bias: false,
  };
  const config = (raw: Record<string, unknown>) => ({ ...parseConfig(raw, 'config.json'), raw: {} });
  const theirs = { ...base, model_type: 'nomic_bert', rope_parameters: { rope_type: 'default', rope_theta: 500 } };
  expect(config(own)).toEqual(config(theirs));
  const stretched = config({ ...own, rotary_scaling_factor: 2, max_trained_positions: 16 });
  expect(stretched.maxPositions).toBe(16); // past it, angles depend on the text's length
  expect(() => config({ ...own, moe_every_n_layers: 2 })).toThrow(
    'config.json: moe_every_n_layers: Invalid option: expected one of 0|-1 (received 2)\n  fix: correct the value or use',
  );
});

test("ModernBERT's keys of 2024", () => {
  const keys = { ...base, model_type: 'modernbert', num_hidden_layers: 3, local_attention: 8 };
  const config = (more: object) => ({ ...parseConfig({ ...keys, ...more }, 'config.json'), raw: {} });
  const old = { global_rope_theta: 900, local_rope_theta: 50, global_attn_every_n_layers: 2 };
  expect(config(old)).toEqual(
    config({
      layer_types: ['full_attention', 'sliding_attention', 'full_attention'],
      rope_parameters: { full_attention: { rope_theta: 900 }, sliding_attention: { rope_theta: 50 } },
    }),
  );
});

test("Gemma 3's keys of 2025, as EmbeddingGemma has them", () => {
  const keys = { ...base, model_type: 'gemma3_text', num_hidden_layers: 3, sliding_window: 8 };
  const config = (more: object) => ({ ...parseConfig({ ...keys, ...more }, 'config.json'), raw: {} });
  const old = { rope_theta: 900, rope_local_base_freq: 50, rope_scaling: null, sliding_window_pattern: 2 };
  expect(config({ ...old, use_bidirectional_attention: true })).toEqual(
    config({
      use_bidirectional_attention: true,
      layer_types: ['sliding_attention', 'full_attention', 'sliding_attention'],
      rope_parameters: { full_attention: { rope_theta: 900 }, sliding_attention: { rope_theta: 50 } },
    }),
  );
  expect(() => config({ attn_logit_softcapping: 50 })).toThrow('config.json: attn_logit_softcapping: Invalid input');
});

test("BLOOM's two spellings", () => {
  const config = (raw: object) => ({ ...parseConfig({ model_type: 'bloom', vocab_size: 10, ...raw }, 'c'), raw: {} });
  const old = { n_embed: 16, num_hidden_layers: 2, num_attention_heads: 4 };
  expect(config(old)).toEqual(config({ hidden_size: 16, n_layer: 2, n_head: 4 }));
});

test('refuses what a family does not run', () => {
  const gptNeo = { model_type: 'gpt_neo', vocab_size: 10, hidden_size: 8, num_layers: 3, num_heads: 2 };
  expect(() => parseConfig({ ...gptNeo, attention_types: [[['global', 'local'], 1]] }, 'config.json')).toThrow(
    'config.json: attention_types names 2 layers, num_layers 3\n  fix: correct config.json',
  );
  expect(() => parseConfig({ ...base, model_type: 'opt', ffn_dim: 8, layerdrop: 0.1 }, 'config.json')).toThrow(
    'config.json: layerdrop: Invalid input: expected 0 (received 0.1)\n  fix: correct the value or use another model',
  );
});

test.each([
  [{ pos_att_type: 'p2p|c2p' }, 'config.json: pos_att_type.0: Invalid option: expected one of "c2p"|"p2c"'],
  [{ conv_kernel_size: 4 }, 'config.json: conv_kernel_size: Not odd (received 4)'],
  [{ embedding_size: 16 }, 'config.json: embedding_size 16 is not hidden_size 32\n  fix: correct config.json'],
  [{ attention_head_size: 4 }, 'config.json: attention_head_size 4 is not 8, hidden_size a head\n  fix: correct'],
  [
    { model_type: 'deberta' },
    'config.json: model_type "deberta" is not supported\n  fix: use a model whose config.json',
  ],
])('DeBERTa refuses %j', (keys, text) => {
  expect(() => parseConfig({ ...base, model_type: 'deberta-v2', ...keys }, 'config.json')).toThrow(text);
});
