/** Adapters as PEFT saves them, merged on opening. Against fixtures/adapters/generate.py. */

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { useEngine } from '../engine/engine.ts';
import { openSafetensors, writeSafetensors } from '../formats/safetensors.ts';
import { packTokens } from '../tokenizer/token-batch.ts';
import { Embedder } from './embedder.ts';

const fixtures = fileURLToPath(new URL('../../../../fixtures/', import.meta.url));
const adapters = join(fixtures, 'adapters');
const tiny = join(fixtures, 'tiny-bert', 'model');
const golden = JSON.parse(readFileSync(join(adapters, 'expected.json'), 'utf8'));
const folder = mkdtempSync(join(tmpdir(), 'uniem-adapter-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** GPT-2's fixture has no tokenizer of its own; the texts here are tokens already. */
const gpt2 = join(folder, 'gpt2');
const BASES: Record<string, string> = { bert: tiny, gpt2 };
const words = readFileSync(join(tiny, 'vocab.txt'), 'utf8').trim().split('\n');

beforeAll(() => {
  cpSync(join(fixtures, 'families', 'gpt2'), gpt2, { recursive: true });
  writeFileSync(join(gpt2, 'vocab.txt'), words.slice(0, 40).join('\n'));
  writeFileSync(join(gpt2, 'tokenizer_config.json'), JSON.stringify({ tokenizer_class: 'BertTokenizer' }));
});

const batch = packTokens(golden.inputIds);
const embedded = (embedder: Embedder) => tf.tidy(() => embedder.embed(batch).dataSync()) as Float32Array;

/** A copy of an adapter of the fixtures with other settings. */
function changed(name: string, settings: object): string {
  const copy = mkdtempSync(join(folder, 'changed-'));
  cpSync(join(adapters, name), copy, { recursive: true });
  const path = join(copy, 'adapter_config.json');
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), ...settings }));
  return copy;
}

describe.each(['native', 'tensorflow'] as const)('on %s', (backend) => {
  beforeAll(async () => {
    await useEngine({ backend });
  });

  test.each<[string, { base: string; embeddings: number[][] }]>(Object.entries(golden.cases))(
    '%s gives the vectors of the merged model',
    async (name, { base, embeddings }) => {
      const embedder = await Embedder.fromPretrained(join(adapters, name), { baseModel: BASES[base] });
      tf.test_util.expectArraysClose(embedded(embedder), embeddings.flat(), 1e-5);
      embedder.dispose();
    },
  );
});

describe('opening', () => {
  test('finds the base by base_model_name_or_path, and saves a plain merged model', async () => {
    const adapter = changed('bert-list', { base_model_name_or_path: tiny });
    const tensors = tf.memory().numTensors;
    const embedder = await Embedder.fromPretrained(adapter);
    expect(tf.memory().numTensors - tensors).toBe(embedder.parameters.size);
    expect(embedder.origin).toEqual({
      name: adapter,
      folder: adapter,
      base: { name: tiny, folder: tiny, base: undefined },
    });
    const saved = join(folder, 'merged');
    await embedder.save(saved);
    const merged = await Embedder.fromPretrained(saved);
    expect(embedded(merged)).toEqual(embedded(embedder));
    tf.test_util.expectArraysClose(embedded(merged), golden.cases['bert-list'].embeddings.flat(), 1e-5);
  });

  test('takes the layout and the tokenizer of the adapter’s folder, where it has them', async () => {
    const adapter = changed('bert-list', { base_model_name_or_path: tiny });
    const plain = await Embedder.fromPretrained(tiny, { poolingStrategy: 'cls', maxLength: 7 });
    await plain.saveSurroundings(adapter);
    writeFileSync(join(adapter, 'vocab.txt'), words.map((word) => (word === 'cat' ? 'kat' : word)).join('\n'));
    const embedder = await Embedder.fromPretrained(adapter);
    expect([embedder.poolingStrategy, embedder.maxLength]).toEqual(['cls', 7]);
    expect(embedder.tokenizer.encode('kat', 7)).toEqual(plain.tokenizer.encode('cat', 7));
    await embedder.save(join(folder, 'own-tokenizer'));
    expect(readFileSync(join(folder, 'own-tokenizer', 'vocab.txt'), 'utf8')).toContain('\nkat\n');
  });

  test('names tensors of a head, which is no part of an encoder', async () => {
    const adapter = changed('bert-list', {});
    const path = join(adapter, 'adapter_model.safetensors');
    const tensors = [...openSafetensors(path)].map(
      ([name, { shape, read }]) => [name, { shape, values: read() }] as const,
    );
    const head = ['base_model.model.classifier.weight', { shape: [1], values: Float32Array.of(1) }] as const;
    writeSafetensors(path, new Map([...tensors, head]));
    const embedder = await Embedder.fromPretrained(adapter, { baseModel: tiny });
    tf.test_util.expectArraysClose(embedded(embedder), golden.cases['bert-list'].embeddings.flat(), 1e-5);
  });
});

describe('what is refused', () => {
  const merge = '\n  fix: merge it in Python (merge_and_unload) and give the merged model';
  test.each([
    ...['IA3', 'ADALORA', 'PROMPT_TUNING', 'PREFIX_TUNING', 'LOHA', 'VERA', 'TRAINABLE_TOKENS'].map((type) => [
      { peft_type: type },
      `peft_type "${type}" is not supported: LORA is${merge}`,
    ]),
    [{ peft_type: undefined }, `peft_type undefined is not supported: LORA is${merge}`],
    [{ use_dora: true }, `use_dora (DoRA) true is not supported${merge}`],
    [{ trainable_token_indices: [1] }, `trainable_token_indices [1] is not supported${merge}`],
    [{ layer_replication: [[0, 2]] }, `layer_replication [[0,2]] is not supported${merge}`],
    [{ target_parameters: ['x'] }, `target_parameters ["x"] is not supported${merge}`],
    [{ alora_invocation_tokens: [1] }, `alora_invocation_tokens [1] is not supported${merge}`],
    [{ use_something_new: true }, `use_something_new true is not supported${merge}`],
    [{ init_lora_weights: 'pissa' }, `init_lora_weights "pissa" changes the weights of the base model too${merge}`],
    [{ r: 0 }, 'r: Too small: expected number to be >0'],
    [{ r: 3 }, 'the rank of encoder.layer.0.attention.self.query is 4, and 3 by r and rank_pattern'],
    [{ alpha_pattern: { '(': 1 } }, '"(" is no regular expression\n  fix: correct the pattern'],
  ] as [object, string][])('%j', async (settings, message) => {
    const opened = Embedder.fromPretrained(changed('bert-list', settings), { baseModel: tiny });
    await expect(opened).rejects.toThrow(message);
  });

  const base = 'fix: give the model that the adapter was trained on as baseModel (--base-model)';
  test('a base that is not there, or is not named', async () => {
    const gone = changed('bert-list', { base_model_name_or_path: join(folder, 'gone') });
    const what = `${gone}: the base model of the adapter cannot be opened (${join(folder, 'gone')}: no such model folder)`;
    await expect(Embedder.fromPretrained(gone)).rejects.toThrow(`${what}\n  ${base}`);
    const unnamed = changed('bert-list', { base_model_name_or_path: null });
    await expect(Embedder.fromPretrained(unnamed)).rejects.toThrow(
      `${unnamed}: adapter_config.json names no base_model_name_or_path\n  ${base}`,
    );
    await expect(Embedder.fromPretrained(tiny, { baseModel: tiny })).rejects.toThrow(
      'is no adapter: it has no adapter_c',
    );
    const nested = changed('bert-list', { base_model_name_or_path: gone });
    await expect(Embedder.fromPretrained(nested)).rejects.toThrow(`its base ${gone} is an adapter too`);
  });

  test('a base of another family or size, and weights that are missing', async () => {
    const other = join(adapters, 'gpt2-columns');
    await expect(Embedder.fromPretrained(other, { baseModel: tiny })).rejects.toThrow(
      /h\.0\.attn\.c_attn\.lora_A\.weight changes nothing that the base model has\n {2}fix: give the model/,
    );
    const empty = changed('bert-list', {});
    rmSync(join(empty, 'adapter_model.safetensors'));
    await expect(Embedder.fromPretrained(empty, { baseModel: tiny })).rejects.toThrow(
      'the adapter has no weights\n  fix: give a folder that holds adapter_model.safetensors or adapter_model.bin',
    );
    const path = join(changed('bert-list', {}), 'adapter_model.safetensors');
    const half = [...openSafetensors(path)].filter(([name]) => !name.includes('layer.1.attention.self.query.lora_B'));
    writeSafetensors(path, new Map(half.map(([name, { shape, read }]) => [name, { shape, values: read() }])));
    await expect(Embedder.fromPretrained(join(path, '..'), { baseModel: tiny })).rejects.toThrow(
      'encoder.layer.1.attention.self.query has no B',
    );
  });
});
