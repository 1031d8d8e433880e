/** TF.js's own specs on this backend. */

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { expect, test } from 'vitest';

/** Specs of tfjs-core 4.22 that its cpu backend runs on Node: fewer means that some were not found. */
const SPECS = 4225;

test("passes every spec of tfjs-core that TF.js's cpu backend passes", () => {
  const script = fileURLToPath(new URL('conformance.mjs', import.meta.url));
  const output = execFileSync(process.execPath, [script], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  const [, passed, failed] = /^(\d+) passed, (\d+) failed/m.exec(output) ?? [];
  expect(Number(failed)).toBe(0);
  expect(Number(passed)).toBeGreaterThanOrEqual(SPECS);
});
