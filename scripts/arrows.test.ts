/** Who may import whom: the arrows of the design, read off the import lines and the manifests of packages/. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { describe, expect, test } from 'vitest';

const packages = fileURLToPath(new URL('../packages/', import.meta.url));

/** What each package may import. The command re-exports the API, so it reaches core and data too. */
const ARROWS: Record<string, readonly string[]> = {
  core: ['hub'],
  hub: [],
  data: ['hub'],
  finetuner: ['core', 'data'],
  export: ['core'],
  browser: ['core'],
  providers: [],
  server: ['core'],
  adapters: ['core'],
  cli: ['finetuner', 'export', 'server', 'providers', 'core', 'data', 'hub'],
  'engine-setup': [],
  'backend-tensorflow': ['engine-setup'],
  'backend-native': ['engine-setup'],
};

/** Backends are reached by `import()` from these files alone; the command also sets up and describes its engines. */
const BACKEND_LOADERS = ['core/src/engine/engine.ts', 'cli/src/commands/setup.ts', 'cli/src/commands/doctor.ts'];

/** Libraries that a package must do without: data makes typed arrays, which a worker can make too. */
const FORBIDDEN: Record<string, RegExp> = {
  data: /^(@tensorflow\/|@huggingface\/tokenizers)/,
  providers: /^@tensorflow\//,
};

/** What the bundles of a package hold, so that a user need not install it, and what that imports in turn. */
const BUNDLED: Record<string, { holds: readonly string[]; imports: readonly string[] }> = {
  browser: {
    holds: ['@uniem/core', '@tensorflow/tfjs-backend-cpu', '@tensorflow/tfjs-backend-webgl'],
    imports: ['@huggingface/tokenizers'],
  },
};

interface Import {
  file: string;
  name: string;
  dynamic: boolean;
  /** Nothing of it is left at run time. */
  types: boolean;
}

const STATIC = /^(?:import|export)\s(?:[^'"]*?\sfrom\s)?['"]([^'"]+)['"]|^\}\s*from\s*['"]([^'"]+)['"]/gm;
const ONLY_TYPES = /^(?:import|export)\s(?:type\s|\{(?:\s*type\s[^,}]+,?)*\s*\}\s*from)/;
const DYNAMIC = /\bimport\(\s*['"]([^'"]+)['"]\s*\)/g;
const REQUIRE = /\brequire(?:\.resolve)?\(\s*['"]([^'"]+)['"]/g;
/** A line that loads types that are global. */
const REFERENCE = /^\/\/\/ <reference types="([^"]+)"/gm;

function importsOf(source: string, file: string): Import[] {
  const found = (pattern: RegExp, dynamic: boolean) =>
    [...source.matchAll(pattern)].map((match) => ({
      file,
      name: (match[1] ?? match[2]) as string,
      dynamic,
      types: ONLY_TYPES.test(match[0]),
    }));
  const types = found(REFERENCE, false).map((reference) => ({
    ...reference,
    name: `@types/${reference.name}`,
    types: true,
  }));
  return [...found(STATIC, false), ...found(REQUIRE, false), ...found(DYNAMIC, true), ...types];
}

/** The folders (or files) directly in `src` that each of them imports; index.ts, which names all, is left out. */
function folderImports(imports: readonly Import[]): Map<string, Set<string>> {
  const arrows = new Map<string, Set<string>>();
  for (const { file, name } of imports) {
    if (!name.startsWith('.')) continue;
    const [from, to] = [file, join(file, '..', name)].map((path) => path.split('/')[2] as string) as [string, string];
    if (from === to || from === 'index.ts') continue;
    arrows.set(from, (arrows.get(from) ?? new Set()).add(to));
  }
  return arrows;
}

/** The arrows that lead back to where they start. */
function cyclesBetween(arrows: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const reached = (from: string, seen = new Set<string>()): Set<string> => {
    for (const to of arrows.get(from) ?? []) if (!seen.has(to)) reached(to, seen.add(to));
    return seen;
  };
  return [...arrows].flatMap(([from, targets]) =>
    [...targets].filter((to) => reached(to).has(from)).map((to) => `${from} -> ${to}`),
  );
}

function filesOf(name: string): string[] {
  const files = readdirSync(join(packages, name, 'src'), { recursive: true, encoding: 'utf8' });
  return files.filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'));
}

const names = readdirSync(packages).filter((name) => existsSync(join(packages, name, 'package.json')));
const manifests = new Map(
  names.map((name) => [name, JSON.parse(readFileSync(join(packages, name, 'package.json'), 'utf8'))]),
);
const folderOf = new Map([...manifests].map(([folder, { name }]) => [name as string, folder]));

/** The package of an import: `@scope/name` of `@scope/name/deep`. */
const packageOf = (specifier: string) => /^(@[^/]+\/)?[^/]+/.exec(specifier)?.[0] as string;

describe.each(names)('packages/%s', (name) => {
  const all = filesOf(name).flatMap((file) =>
    importsOf(readFileSync(join(packages, name, 'src', file), 'utf8'), `${name}/src/${file}`),
  );
  const outside = all.filter(({ name: target }) => !target.startsWith('.'));

  test('has a place in the design', () => {
    expect(Object.keys(ARROWS)).toContain(name);
  });

  test('imports only the packages the design allows', () => {
    const wrong = outside.filter(({ file, name: target, dynamic }) => {
      const folder = folderOf.get(packageOf(target));
      if (folder === undefined) return FORBIDDEN[name]?.test(target) ?? false;
      if (!folder.startsWith('backend-')) return !ARROWS[name]?.includes(folder);
      return !BACKEND_LOADERS.includes(file) || (file.startsWith('core/') && !dynamic);
    });
    expect(wrong).toEqual([]);
  });

  test('reaches into no other package by a path', () => {
    const paths = all.filter(({ name: target }) => target.startsWith('.'));
    expect(paths.filter(({ file, name: target }) => !join('/', file, '..', target).startsWith(`/${name}/`))).toEqual(
      [],
    );
  });

  test('has folders that import in one direction', () => {
    expect(cyclesBetween(folderImports(all.filter(({ types }) => !types)))).toEqual([]);
  });

  test('names in its manifest what it imports, and nothing else', () => {
    const { dependencies = {}, peerDependencies = {} } = manifests.get(name); // optional ones are named at run time
    const { holds = [], imports = [] } = BUNDLED[name] ?? {};
    const used = [...outside.map(({ name: target }) => packageOf(target)), ...imports]
      .filter((target) => !holds.includes(target))
      .filter((target) => !target.startsWith('node:') && !builtinModules.includes(target));
    const declared = Object.keys({ ...dependencies, ...peerDependencies });
    expect(used.filter((target) => !declared.includes(target))).toEqual([]);
    expect(declared.filter((target) => !used.includes(target))).toEqual([]);
  });
});

test('an import line is seen in each of its forms', () => {
  const source = [
    "import 'a';",
    "import b from 'b';",
    "import { c, type C } from 'c';",
    'import {\n  d,\n  e,\n} from "d/deep";',
    "export * from '@s/e';",
    "export { f } from '../f.ts';",
    "const g = await import('g');",
    "const h = require('h');",
    '/// <reference types="i" preserve="true" />',
  ].join('\n');
  expect(importsOf(source, 'x').map(({ name }) => name)).toEqual([
    ...['a', 'b', 'c', 'd/deep', '@s/e', '../f.ts'],
    ...['h', 'g', '@types/i'],
  ]);
});

test('an import of types alone is told from others', () => {
  const types = (line: string) => importsOf(line, 'x')[0]?.types;
  for (const line of ["import type { A } from './a.ts';", "import { type A, type B } from './a.ts';"]) {
    expect(types(line)).toBe(true);
  }
  for (const line of ["import { type A, b } from './a.ts';", "import './a.ts';", "export * from './a.ts';"]) {
    expect(types(line)).toBe(false);
  }
});

test('a cycle between folders is found', () => {
  const of = (file: string, name: string): Import => ({ file: `p/src/${file}`, name, dynamic: false, types: false });
  const imports = [of('a/x.ts', '../b/y.ts'), of('b/y.ts', '../c.ts'), of('c.ts', './a/z.ts'), of('d.ts', './a/x.ts')];
  expect(cyclesBetween(folderImports(imports))).toEqual(['a -> b', 'b -> c.ts', 'c.ts -> a']);
});
