import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: { conditions: ['development'] },
  ssr: { resolve: { conditions: ['development'] } },
  test: {
    include: ['packages/*/{src,test}/**/*.test.ts', 'examples/*.test.ts', 'fuzz/*.test.ts', 'scripts/*.test.ts'],
    testTimeout: 120_000,
    env: { UNIEM_EMULATE_BF16: '1' }, // so that every machine tests bf16: see packages/backend-native/native/gemm.cc
    maxWorkers: 1, // the engine uses every core
    reporters: ['default', './scripts/count-reporter.mjs'],
  },
});
