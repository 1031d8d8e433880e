/** Rates a run takes where its caller names none. */

import { expect, test } from 'vitest';

import { type LrSetting, suggestLr } from './learning-rate.ts';

const setting: LrSetting = {
  policy: 'suggested',
  strategy: 'full',
  values: 22_000_000,
  trainable: 22_000_000,
  isEmbedder: false,
};

test.each<[Partial<LrSetting>, number]>([
  [{}, 1e-4],
  [{ values: 110_000_000 }, 5e-5],
  [{ values: 340_000_000 }, 8e-6],
  [{ isEmbedder: true }, 2e-5],
  [{ strategy: 'bitfit', trainable: 50_000 }, 2e-3],
  [{ strategy: 'lora', trainable: 50_000, isEmbedder: true }, 2e-4],
])('suggested for %j', (given, lr) => {
  expect(suggestLr({ ...setting, ...given })).toBe(lr);
});

test('uniem’s rule sees the trainable values alone', () => {
  const uniem = { ...setting, policy: 'uniem', values: 340_000_000, isEmbedder: true } as const;
  expect([80_000_000, 80_000_001, 200_000_001].map((trainable) => suggestLr({ ...uniem, trainable }))).toEqual([
    1e-4, 5e-5, 8e-6,
  ]);
});
