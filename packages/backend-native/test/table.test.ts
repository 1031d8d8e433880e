/** The lists of kernels say the same: the table, the files, the binding's type, the tests. */

import { readdirSync, readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

const text = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');
const names = (source: string, pattern: RegExp) =>
  [...source.matchAll(pattern)].map((match) => match[1] as string).sort();

const TABLE = names(text('../native/kernel-table.h'), /ROW\((\w+)\) /g);

test('every kernel of the table has its file, and every file its row', () => {
  const files = readdirSync(new URL('../native/kernels', import.meta.url)).map((name) => name.replace(/\.cc$/, ''));
  expect(files.sort()).toEqual([...TABLE, ...lastRow()].sort());
});

test("the binding's type names the same kernels", () => {
  const typed = names(text('../src/binding.ts'), /readonly (\w+): Kernel;/g);
  expect(typed).toEqual([...TABLE, ...lastRow()].sort());
});

test('every kernel file of TypeScript is in the one list', () => {
  const files = readdirSync(new URL('../src/kernels', import.meta.url)).filter((name) => name !== 'index.ts');
  const listed = names(text('../src/kernels/index.ts'), /from '\.\/(\w+)\.ts'/g);
  expect(listed).toEqual(files.map((name) => name.replace(/\.ts$/, '')).sort());
});

/** The table's last row has no backslash, so no space, after it. */
function lastRow(): string[] {
  return names(text('../native/kernel-table.h'), /ROW\((\w+)\)$/gm);
}
