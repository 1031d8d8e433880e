/** What importing a package that may be left out says; installations without one are tried in scripts/pack.test.ts. */

import { expect, test } from 'vitest';

import { importOptional } from './optional-package.ts';

/** As Node's own loader fails; vitest's has another error. */
const missing = (name: string) => async () => {
  const error = new Error(`Cannot find package '${name}' imported from /a/b.js`);
  throw Object.assign(error, { code: 'ERR_MODULE_NOT_FOUND' });
};

test.each([
  ['@scope/engine', '@scope/engine'],
  ['@scope/engine@1.2.0', '@scope/engine'],
  ['engine@1.2.0', 'engine'],
])('%s that is not installed is named with the command that installs it', async (name, bare) => {
  await expect(importOptional(missing(bare), name, 'engine x')).rejects.toThrow(
    `engine x: ${name} is not installed\n  fix: run: npm install ${name}`,
  );
});

test('another package that is missing keeps its own error', async () => {
  await expect(importOptional(missing('other'), '@scope/engine', 'engine x')).rejects.toThrow(
    "Cannot find package 'other' imported from /a/b.js",
  );
});

test('what is installed is returned', async () => {
  const { basename } = await importOptional(() => import('node:path'), 'path', 'x');
  expect(basename('a/b')).toBe('b');
});
