/** Files with some of their bytes changed: each is read rightly or refused with a fix, in 5 s and 1 GB of a process. */

import { expect, test } from 'vitest';

import { runCases } from './dist/pool.js';

/** How many files of models are changed, and which; the longer check: UNIEM_TEST_MUTATIONS=10000, of any seed. */
const CASES = Number(process.env.UNIEM_TEST_MUTATIONS ?? 1000);
const SEED = Number(process.env.UNIEM_TEST_SEED ?? 1);

test.each([
  ['models', CASES],
  ['data', Math.ceil(CASES * 0.3)],
])('%s: %i changed files', { timeout: 60_000 + CASES * 200 }, async (target, cases) => {
  const { refused, opened, findings } = await runCases(target, SEED, cases);
  expect(findings.join('\n\n')).toBe('');
  expect(refused + opened).toBe(cases);
  expect(Math.min(refused, opened)).toBeGreaterThan(cases / 10); // or the mutations are too coarse, or too fine
});
