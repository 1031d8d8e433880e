/** Which package may import which: read from the import lines, so a new arrow is a change here. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

import { expect, test } from 'vitest';

const packages = fileURLToPath(new URL('../packages/', import.meta.url));

/** By folder name. */
const ARROWS: Record<string, string[]> = {
  cli: ['finetuner', 'core', 'data', 'backend-native', 'backend-tensorflow'],
  finetuner: ['core', 'data'],
};

/** Arrows that load by import() alone, each in one file (an `import type` loads nothing, so it may stand beside it). */
const LATE_ARROWS = ['core/src/engine.ts -> backend-tensorflow', 'core/src/engine.ts -> backend-native'];

const IMPORT =
  /(\bimport\s+type\s[^;'"`]*?\bfrom\s*|\bfrom\s*|\bimport\s*\(\s*|\bimport\s*|\brequire\s*\(\s*)['"`](@uniem\/([\w-]+)|uniem|\.{1,2}\/[^'"`]*)/g;

/** The arrows of one file that are not allowed. */
function wrongArrows(file: string, source: string): string[] {
  const from = file.split('/')[0] as string;
  return [...source.matchAll(IMPORT)].flatMap(([, how, what, scoped]) => {
    const target = (what as string).startsWith('.')
      ? join(file, '..', what as string).split('/')[0] // a relative path that may leave its package
      : (scoped ?? 'cli');
    if (target === from) return [];
    const arrow = `${file} -> ${target}`;
    const isLate = /^import\s*\(|^import\s+type\s/.test(how as string);
    if (LATE_ARROWS.includes(arrow) && isLate) return [];
    const isTest = file.endsWith('.test.ts') && (what as string).startsWith('.'); // tests read examples and fixtures
    return isTest || ARROWS[from]?.includes(target as string) ? [] : [arrow];
  });
}

test('packages import only along the arrows', () => {
  const files = readdirSync(packages)
    .filter((name) => existsSync(join(packages, name, 'src')))
    .flatMap((name) => readdirSync(join(packages, name, 'src'), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name));
  expect(files.length).toBeGreaterThan(20);
  expect(files.flatMap((file) => wrongArrows(relative(packages, file), readFileSync(file, 'utf8')))).toEqual([]);
});

test('another arrow is seen, however it is written', () => {
  expect(wrongArrows('data/src/a.ts', "import { x } from '@uniem/core';")).toEqual(['data/src/a.ts -> core']);
  expect(wrongArrows('core/src/a.ts', "export * from '@uniem/data'")).toEqual(['core/src/a.ts -> data']);
  expect(wrongArrows('core/src/a.ts', "import 'uniem'")).toEqual(['core/src/a.ts -> cli']);
  expect(wrongArrows('core/src/a.ts', "from '../../data/src/b.ts'")).toEqual(['core/src/a.ts -> data']);
  const late = "import('@uniem/backend-tensorflow')";
  expect(wrongArrows('core/src/engine.ts', late)).toEqual([]);
  expect(wrongArrows('core/src/other.ts', late)).toHaveLength(1);
  expect(wrongArrows('core/src/engine.ts', "import x from '@uniem/backend-tensorflow'")).toHaveLength(1);
  expect(wrongArrows('core/src/engine.ts', "import type { X } from '@uniem/backend-native'")).toEqual([]);
  expect(wrongArrows('core/src/other.ts', "import type { X } from '@uniem/backend-native'")).toHaveLength(1);
  const mixed = "import type { X } from './x.ts';\nimport { y } from '@uniem/backend-native';";
  expect(wrongArrows('core/src/engine.ts', mixed)).toEqual(['core/src/engine.ts -> backend-native']);
});
