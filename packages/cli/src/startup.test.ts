/** What a command loads before it has anything to do: no engine, no reader, whatever the machine's speed; and what it prints. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { COMMANDS } from './commands/index.ts';

const command = fileURLToPath(new URL('../bin/uniem.js', import.meta.url));
const model = fileURLToPath(new URL('../../../fixtures/tiny-bert/model', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'uniem-startup-'));
const register = join(folder, 'register.mjs');
const loaded = join(folder, 'loaded.txt');
const texts = join(folder, 'texts.txt');
afterAll(() => rmSync(folder, { recursive: true }));
beforeAll(() => {
  writeFileSync(texts, 'the cat\nthe dog\n');
  const hooks = `import { appendFileSync } from 'node:fs';
    export function load(url, context, next) {
      appendFileSync(${JSON.stringify(loaded)}, url + '\\n');
      return next(url, context);
    }`;
  writeFileSync(
    register,
    `import { register } from 'node:module';
     register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hooks)}`)});`,
  );
});

/** Runs the command, and lists every module that it loads. */
function uniem(...args: string[]) {
  writeFileSync(loaded, '');
  const node = ['--import', pathToFileURL(register).href, command, ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, node, { encoding: 'utf8' });
  return { status, stdout, stderr, modules: readFileSync(loaded, 'utf8').split('\n') };
}

const HEAVY =
  /@tensorflow|backend-(native|tensorflow)|huggingface|hyparquet|arrow|\/(core|data|finetuner)\/dist\/index\.js$/;

test('uniem --help and an unknown command load the table of commands alone', () => {
  for (const [args, status] of [
    [['--help'], 0],
    [[], 0],
    [['nothing'], 2],
  ] as const) {
    const outcome = uniem(...args);
    expect(outcome.status).toBe(status);
    expect(outcome.modules.some((url) => url.endsWith('/cli/dist/main.js'))).toBe(true);
    expect(outcome.modules.filter((url) => HEAVY.test(url) || url.includes('zod'))).toEqual([]);
  }
});

test.each(Object.keys(COMMANDS))('uniem %s --help, and a flag it has not, load no engine and no reader', (name) => {
  const help = uniem(name, '--help');
  expect(help.status).toBe(0);
  expect(help.stdout).toContain(`uniem ${name}: ${COMMANDS[name]?.summary}\n`);
  const wrong = uniem(name, '--no-such-flag');
  expect([wrong.status, wrong.stderr]).toEqual([2, expect.stringContaining("'--no-such-flag'\n  fix: see ")]);
  for (const { modules } of [help, wrong]) {
    expect(modules.some((url) => url.endsWith('/cli/dist/flags.js'))).toBe(true);
    expect(modules.filter((url) => HEAVY.test(url))).toEqual([]);
  }
});

test.each(['native', 'tensorflow', 'cpu'])(
  'encode on engine %s loads it then, and prints its result alone',
  (backend) => {
    const output = join(folder, 'out.jsonl');
    const args = ['--model', model, '--input', texts, '--output', output, '--backend', backend];
    const { status, stdout, stderr, modules } = uniem('encode', ...args);
    expect([status, stdout, stderr]).toEqual([0, `${output}\n`, '']);
    expect(modules.some((url) => url.includes('@tensorflow/tfjs-core'))).toBe(true); // the list can see an engine
  },
);
