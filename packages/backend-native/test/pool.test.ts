/** How much memory the blocks of tensors take that are gone. */

import { expect, test, vi } from 'vitest';

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

test('one large batch long ago is no reason to keep its memory', () => {
  const blocks = pool();
  for (const block of [1, 2, 3].map(() => blocks.take(16 * MB))) blocks.give(block);
  expect(blocks.idleBytes).toBe(48 * MB);
  for (let i = 0; i < 2 ** 15; i++) blocks.give(blocks.take(MB));
  expect(blocks.idleBytes).toBeLessThanOrEqual(1.25 * MB);
});

test('a process that no longer computes keeps no idle block', async () => {
  const blocks = new Pool(loadBinding().binding, 50);
  const held = blocks.take(MB);
  blocks.give(blocks.take(16 * MB));
  await vi.waitFor(() => expect(blocks.idleBytes).toBe(0));
  blocks.give(held);
  expect(blocks.take(MB)).toBe(held); // and serves on
});

test('small blocks lie apart and hold what is written to them', () => {
  const { binding } = loadBinding();
  const sizes = Array.from({ length: 600 }, (_, i) => 1 + ((i * 37) % 9000));
  const made = sizes.map((size, i) => {
    const block = binding.allocate(size) as ArrayBuffer;
    new Uint8Array(block).fill(i);
    return block;
  });
  for (let i = 0; i < made.length; i += 2) binding.release(made[i] as ArrayBuffer);
  for (let i = 0; i < made.length; i += 2) {
    made[i] = binding.allocate(sizes[i] as number) as ArrayBuffer;
    new Uint8Array(made[i] as ArrayBuffer).fill(i);
  }
  const wrong = made.filter((block, i) => new Uint8Array(block).some((byte) => byte !== i % 256));
  expect(wrong).toEqual([]);
  for (const block of made) binding.release(block);
});
