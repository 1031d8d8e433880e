/** Files of every format with some of their bytes changed: each is read rightly or refused, in bounded time and memory. */

import { expect, test } from 'vitest';

import { runCases } from './dist/pool.js';

/** How many cases are tried, and which; the longer check: UNIEM_TEST_MUTATIONS=10000. */
const CASES = Number(process.env.UNIEM_TEST_MUTATIONS ?? 1000);
const SEED = Number(process.env.UNIEM_TEST_SEED ?? 1);

test(`${CASES} changed files of models`, { timeout: 60_000 + CASES * 100 }, async () => {
  const { refused, opened, findings } = await runCases('models', SEED, CASES);
  expect(findings.join('\n\n')).toBe('');
  expect(refused + opened).toBe(CASES);
  expect(Math.min(refused, opened)).toBeGreaterThan(CASES / 10); // or the mutations are too coarse, or too fine
});
