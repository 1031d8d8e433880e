/** What README.md says is what the code has: flags, dependencies, the example. */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const readme = readFileSync(join(root, 'README.md'), 'utf8');

test("the flag tables are the schemas'", () => {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/readme.mjs', '--check'], {
    cwd: root,
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});

test('the examples run as they stand', () => {
  const [train, use] = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code as string);
  const folder = mkdtempSync(join(tmpdir(), 'uniem-readme-'));
  const pairs = ['cat', 'dog', 'man', 'bird'].map((word) => ({ text: `the ${word}`, text_pos: `a ${word} sat` }));
  writeFileSync(join(folder, 'pairs.jsonl'), pairs.map((pair) => `${JSON.stringify(pair)}\n`).join(''));
  const code = `${train}${use}console.log(vector.length);`.replace(
    'path/to/model',
    join(root, 'fixtures/tiny-bert/model'),
  );
  const script = `process.chdir(${JSON.stringify(folder)});\n${code}`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: root,
    encoding: 'utf8',
  });
  rmSync(folder, { recursive: true });
  expect({ stdout, stderr }).toEqual({ stdout: '32\n', stderr: '' });
});

test('every dependency of a package is named with its reason', () => {
  const section = /\n## Dependencies\n([\s\S]*?)\n## /.exec(readme)?.[1] as string;
  const named = [...section.matchAll(/^\| `([^`]+)` +\|/gm)].map(([, name]) => name as string);
  const used = readdirSync(join(root, 'packages'))
    .map((name) => join(root, 'packages', name, 'package.json'))
    .filter(existsSync)
    .flatMap((path) => Object.keys(JSON.parse(readFileSync(path, 'utf8')).dependencies ?? {}))
    .filter((name) => !name.startsWith('@uniem/') && name !== 'uniem');
  expect(named.sort()).toEqual([...new Set(used)].sort());
});

test.each(['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'COMPATIBILITY.md'])(
  'the files that %s names are there',
  (name) => {
    const text = readFileSync(join(root, name), 'utf8');
    const paths = [...text.matchAll(/`((?:packages|examples|fixtures|benchmarks|scripts)\/[\w./-]+)`/g)];
    expect(paths.map(([, path]) => path as string).filter((path) => !existsSync(join(root, path)))).toEqual([]);
  },
);
