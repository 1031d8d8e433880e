/** What a training step leaves to TF.js's cpu kernels, a hundred times slower than ours: next to nothing. */

import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { expect, test } from 'vitest';

/** Values a part may compute there; a step of these models computes millions. */
const FEW = 1000;

/** Of the losses: [N, N] comparisons and logarithms, N = 64. */
const A_MATRIX = 3 * 64 * 65;

test('no family and no loss runs a kernel of TF.js on more than a few values', () => {
  const script = fileURLToPath(new URL('floor.mjs', import.meta.url));
  const output = execFileSync(process.execPath, [script], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  const lines = output.split('\n').filter((line) => line.includes(': '));
  const folders = readdirSync(new URL('../../../fixtures/families', import.meta.url), { withFileTypes: true });
  expect(lines.length).toBe(2 * folders.filter((entry) => entry.isDirectory()).length + 5);
  for (const line of lines) {
    const values = [...line.matchAll(/\w+ \d+x (\d+)/g)].reduce((sum, [, count]) => sum + Number(count), 0);
    expect(values, line).toBeLessThan(line.includes(' loss: ') ? A_MATRIX : FEW);
  }
});
