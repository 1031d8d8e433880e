import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, expect, test } from 'vitest';

import { BackendError } from './errors.ts';
import { buildWhole } from './folder.ts';
import { Toolbox } from './tools.ts';

const root = mkdtempSync(join(tmpdir(), 'uniem-engine-setup-'));
afterAll(() => rmSync(root, { recursive: true }));

const NO_PROCESS = 2 ** 22 + 1; // beyond the greatest id that Linux gives

class ToyError extends BackendError {
  constructor(what: string, fix: string, options?: ErrorOptions) {
    super('toy', what, fix, options);
  }
}

test('a folder appears when it is complete, and is built once', async () => {
  const target = join(root, 'toy-1');
  const ready = () => existsSync(join(target, 'done'));
  let builds = 0;
  const build = async (folder: string) => {
    builds++;
    expect(existsSync(target)).toBe(false);
    writeFileSync(join(folder, 'done'), 'yes');
  };
  await buildWhole(target, ready, build);
  await buildWhole(target, ready, build);
  expect(builds).toBe(1);
  expect(readFileSync(join(target, 'done'), 'utf8')).toBe('yes');
});

test('a failed build leaves nothing; what dead processes left goes, what a live one builds stays', async () => {
  const target = join(root, 'toy-2');
  const dead = join(root, `toy-0.partial-${NO_PROCESS}-x`);
  const alive = join(root, `toy-0.partial-${process.pid}-x`);
  const foreign = join(root, `other-0.partial-${NO_PROCESS}-x`);
  for (const folder of [dead, alive, foreign]) mkdirSync(folder);
  const failing = buildWhole(
    target,
    () => false,
    async () => {
      throw new Error('no');
    },
  );
  await expect(failing).rejects.toThrow('no');
  expect(readdirSync(root).sort()).toEqual(
    ['toy-1', alive, foreign].map((path) => path.replace(`${root}/`, '')).sort(),
  );
});

test('a damaged folder is replaced', async () => {
  const target = join(root, 'toy-3');
  mkdirSync(target);
  writeFileSync(join(target, 'half'), '');
  const complete = () => existsSync(join(target, 'whole'));
  await buildWhole(target, complete, async (folder) => writeFileSync(join(folder, 'whole'), ''));
  expect(readdirSync(target)).toEqual(['whole']);
});

test('a tool that is missing, or fails, is named with what to do', async () => {
  const toolbox = new Toolbox(ToyError);
  const missing = { command: 'no-such-compiler', probe: ['--version'], install: 'apt-get install it' };
  await expect(toolbox.require(missing)).rejects.toThrow(
    'engine toy: no-such-compiler --version does not work here\n  fix: run: apt-get install it',
  );
  const failing = toolbox.run('linking failed', 'report this', process.execPath, ['-e', "throw new Error('boom')"]);
  await expect(failing).rejects.toThrow(/^engine toy: linking failed: .*boom.*\n {2}fix: report this$/s);
  await expect(failing).rejects.toMatchObject({ name: 'ToyError', where: 'engine toy', fix: 'report this' });
});
