/** all-MiniLM-L6-v2's exports in Python's readers, by fixtures/export/open.py; run with their Python by `npm run test:exports`. */

import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Embedder, useEngine } from '@uniem/core';
import { expect, test } from 'vitest';

import { minilmFolder } from '../../../examples/minilm.ts';
import { exportModel } from '../src/export-model.ts';
import { temporaryFolder } from './tiny-models.ts';

const python = process.env.UNIEM_EXPORT_PYTHON;
const script = fileURLToPath(new URL('../../../fixtures/export/open.py', import.meta.url));

const TEXTS = [
  'The weather is lovely today.',
  'He drove to the stadium.',
  'bank',
  'How do I reset my password? '.repeat(5),
  '42',
];

test.skipIf(!python)(
  'every format opens in its own reader and gives the same vectors',
  async () => {
    const root = temporaryFolder();
    await useEngine({ backend: 'native' });
    const embedder = await Embedder.fromPretrained(minilmFolder());
    const vectors = (await embedder.encode(TEXTS, { progressBar: false })).map((vector) => [...vector]);
    const formats = ['onnx', 'sentence-transformers', 'transformers'] as const;
    const folders = formats.map((format) => join(root, format));
    for (const [i, format] of formats.entries()) {
      const precision = format === 'onnx' ? { precision: ['fp32' as const, 'fp16' as const, 'int8' as const] } : {};
      await exportModel(embedder, { format, output: folders[i] as string, ...precision });
    }
    embedder.dispose();
    const expected = join(root, 'expected.json');
    writeFileSync(expected, JSON.stringify({ texts: TEXTS, vectors }));
    const home = join(root, 'hub');
    mkdirSync(home);
    const env = { ...process.env, HF_HOME: home, HF_HUB_OFFLINE: '1' };
    const output = execFileSync(python as string, [script, ...folders, expected], { encoding: 'utf8', env });
    const { results, fused } = JSON.parse(output.trim().split('\n').at(-1) as string) as {
      results: Record<string, unknown>;
      fused: Record<string, number>;
    };
    expect(fused).toMatchObject({ SkipLayerNormalization: 13, BiasGelu: 6 }); // of 6 layers and the embeddings
    expect(results['transformers missing']).toEqual([]);
    delete results['transformers missing'];
    const sessions = ['model', 'model_fp16', 'model_quantized'].flatMap((file) =>
      ['left', 'right'].flatMap((side) => ['', ', pooled outside'].map((how) => `onnxruntime ${file} ${side}${how}`)),
    );
    expect(Object.keys(results).sort()).toEqual(
      [
        ...sessions,
        'optimum',
        'sentence-transformers onnx',
        'sentence-transformers onnx model',
        'sentence-transformers onnx model_quantized',
        'sentence-transformers torch',
        'transformers',
      ].sort(),
    );
    for (const [reader, cosine] of Object.entries(results)) {
      const least = reader.includes('quantized') ? 0.985 : 0.99999;
      expect(cosine, reader).toBeGreaterThanOrEqual(least);
    }
  },
  600_000,
);
