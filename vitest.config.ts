import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: { conditions: ['development'] },
  ssr: { resolve: { conditions: ['development'] } },
  test: {
    include: ['packages/*/{src,test}/**/*.test.ts', 'examples/*.test.ts', 'fuzz/*.test.ts', 'scripts/*.test.ts'],
    testTimeout: 120_000,
    maxWorkers: 1, // the engine uses every core
    reporters: ['default', './scripts/count-reporter.mjs'],
  },
});
