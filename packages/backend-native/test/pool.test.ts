/** How much memory the blocks of tensors take that are gone. */

import { expect, test } from 'vitest';

import { loadBinding } from '../src/binding.ts';
import { Pool } from '../src/pool.ts';

const MB = 2 ** 20;
const pool = () => new Pool(loadBinding().binding);

test('a block serves again, also for a size up to a half smaller', () => {
  const blocks = pool();
  const first = blocks.take(8 * MB);
  blocks.give(first);
  expect(blocks.take(8 * MB)).toBe(first);
  blocks.give(first);
  expect(blocks.take(4.5 * MB)).toBe(first);
  blocks.give(first);
  expect(blocks.take(3 * MB)).not.toBe(first);
});

test('idle blocks are a quarter of what was taken at most, however the sizes change', () => {
  const blocks = pool();
  let most = 0;
  for (let i = 0; i < 200; i++) {
    const size = (1 + ((7 * i) % 40)) * MB;
    const taken = [1, 2, 3].map((part) => blocks.take(size / part));
    most = Math.max(
      most,
      taken.reduce((sum, { byteLength }) => sum + byteLength, 0),
    );
    for (const block of taken) blocks.give(block);
    expect(blocks.idleBytes).toBeLessThanOrEqual(1.25 * most);
  }
  blocks.clear();
  expect(blocks.idleBytes).toBe(0);
});

test('a block that is forgotten counts no more', () => {
  const blocks = pool();
  blocks.forget(blocks.take(64 * MB));
  const small = [1, 2, 3, 4].map(() => blocks.take(16 * MB));
  for (const block of small) blocks.give(block);
  blocks.take(100 * MB); // needs a new block: what may stay idle is a quarter of the most, 25 MB
  expect(blocks.idleBytes).toBeLessThanOrEqual(25 * MB);
});
