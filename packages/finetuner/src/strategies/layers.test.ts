/** Which parameters of every family are below the layers, in them and above: fixtures/families. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { expect, test } from 'vitest';

import { layerLrFactors } from './layers.ts';

const fixtures = fileURLToPath(new URL('../../../../fixtures/families/', import.meta.url));
const ABOVE = new Set([
  ...['ln_f', 'norm', 'final_layer_norm', 'final_norm', 'decoder.final_layer_norm', 'encoder.final_layer_norm'],
  'decoder.project_out',
]);
const folders = readdirSync(fixtures, { withFileTypes: true }).flatMap((entry) =>
  entry.isDirectory() ? [entry.name] : [],
);

test.each(folders)('%s: embeddings lowest, each layer less by the decay, last norms at 1', (folder) => {
  const golden = JSON.parse(readFileSync(join(fixtures, folder, 'expected.json'), 'utf8'));
  const names = [...Object.keys(golden.gradients), '2_Dense.linear.weight'];
  const factor = layerLrFactors(names, 0.5);
  const layers = names.flatMap((name) => /(?:layers?|h|block|albert_layer_groups)\.(\d+)\./.exec(name)?.[1] ?? []);
  const depth = 1 + Math.max(...layers.map(Number));
  for (const name of names) {
    const [, layer] = /(?:^|\.)(?:layers?|h|block|albert_layer_groups)\.(\d+)\./.exec(name) ?? [];
    const isAbove = name.startsWith('2_Dense') || ABOVE.has(name.replace(/\.(weight|bias)$/, ''));
    const below = layer === undefined ? (isAbove ? 0 : depth + 1) : depth - Number(layer);
    expect(factor(name), name).toBe(0.5 ** below);
  }
});
