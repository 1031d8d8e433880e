/** Flags of a schema. */

import { expect, test } from 'vitest';
import { z } from 'zod';

import { parseFlags } from './flags.ts';

const schema = z.strictObject({
  dims: z.array(z.int().positive()).default([]),
  weights: z.array(z.number()).default([]),
  names: z.array(z.string()).default([]),
});

test('a flag of several values may be given several times, and its numbers are numbers', async () => {
  const argv = ['--dims', '32', '--dims', '8', '--weights', '0.5', '--names', '1'];
  expect(await parseFlags(schema, argv, 'test')).toEqual({ dims: [32, 8], weights: [0.5], names: ['1'] });
});

test('one that is no number names its flag', async () => {
  await expect(parseFlags(schema, ['--dims', '32,8'], 'test')).rejects.toThrow(
    '--dims: Invalid input: expected number, received NaN (received 32,8)\n  fix: see `uniem test --help`',
  );
});
