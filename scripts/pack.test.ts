/** What is published, installed as a user installs it. */

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { install, installPacked } from './packed.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const model = join(root, 'fixtures', 'tiny-bert', 'model');
const folder = mkdtempSync(join(tmpdir(), 'uniem-pack-'));
let project: string;
let output: string;
let tarballs: Map<string, string>;

beforeAll(() => {
  ({ project, output, tarballs } = installPacked(folder));
}, 300_000);
afterAll(() => rmSync(folder, { recursive: true }), 60_000);

const run = (...args: string[]) =>
  spawnSync(join(project, 'node_modules', '.bin', 'uniem'), args, {
    cwd: project,
    encoding: 'utf8',
    env: { ...process.env, UNIEM_CACHE: join(folder, 'empty-cache') },
  });

/** The folders that are packages, in a node_modules and those within. */
function packagesIn(modules: string): string[] {
  const names = readdirSync(modules).filter((name) => !name.startsWith('.'));
  const found = names.flatMap((name) =>
    name.startsWith('@') ? readdirSync(join(modules, name)).map((inner) => join(name, inner)) : [name],
  );
  return found.flatMap((name) => {
    const nested = join(modules, name, 'node_modules');
    return [join(modules, name), ...(existsSync(nested) ? packagesIn(nested) : [])];
  });
}

function megabytes(path: string): number {
  const files = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0) / 1e6;
}

test('every package of the workspace is packed, with its assets and bundles', () => {
  const folders = readdirSync(join(root, 'packages')).filter((name) => name !== 'cli');
  const names = folders.map((name) => `@uniem/${name}`);
  expect([...tarballs.keys()].sort()).toEqual([...names, '@uniem/native-linux-x64-gnu', 'uniem'].sort());
  const modules = join(project, 'node_modules', '@uniem');
  for (const file of [
    'core/generated/tfjs-gradients.js',
    'finetuner/assets/report.css',
    'server/assets',
    'native-linux-x64-gnu/libdnnl.so.3',
  ]) {
    expect(existsSync(join(modules, file)), file).toBe(true);
  }
});

describe('npm install uniem', () => {
  test('brings few packages, none deprecated, none with an install script', () => {
    const packages = packagesIn(join(project, 'node_modules'));
    expect(packages.length).toBeLessThan(60);
    const scripts = packages.filter((path) => {
      const { scripts = {} } = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8'));
      return ['preinstall', 'install', 'postinstall'].some((name) => name in scripts);
    });
    expect(scripts).toEqual([]);
    expect(output).not.toMatch(/deprecated/);
    expect(packages.some((path) => path.endsWith('tfjs-node'))).toBe(false);
  });

  // oneDNN is 44 of them, @tensorflow/tfjs-core 40 (three quarters of it bundles and source maps for browsers).
  test('takes less than 150 MB', () => {
    expect(megabytes(join(project, 'node_modules'))).toBeLessThan(150);
  });

  test('gives a command that trains on the native engine, and exports', { timeout: 120_000 }, () => {
    const uniem = (...args: string[]) => {
      const { stdout, stderr, status } = run(...args);
      expect(status, stderr).toBe(0);
      return stdout;
    };
    const rows = Array.from({ length: 8 }, (_, i) => `{"text": "cat ${i}", "text_pos": "a cat sat ${i}"}`);
    writeFileSync(join(project, 'pairs.jsonl'), rows.join('\n'));
    const doctor = uniem('doctor');
    expect(doctor).toMatch(/engine native +ready in .*native-linux-x64-gnu/);
    expect(doctor).toMatch(/engine tensorflow +not installed \(run: npm install @uniem\/backend-tensorflow\)\n/);
    expect(doctor).toMatch(/engine wasm +not installed \(run: npm install @tensorflow\/tfjs-backend-wasm@4\.22\.0\)\n/);
    const options = ['--backend', 'native', '--batch-size', '4', '--epochs', '2', '--log-interval', '1'];
    expect(uniem('finetune', '--model', model, '--data', 'pairs.jsonl', ...options)).toBe('finetuned-model/model\n');
    const lines = readFileSync(join(project, 'finetuned-model', 'metrics.jsonl'), 'utf8')
      .trim()
      .split('\n');
    expect(lines.filter((line) => line.includes('"step"'))).toHaveLength(4);
    expect(uniem('export', '--model', 'finetuned-model/model', '--format', 'tfjs', '--output', 'web')).toBe('web\n');
  });

  test.each([
    ['setup', 'tensorflow'],
    ['finetune', '--model', model, '--data', 'pairs.jsonl', '--backend', 'tensorflow', '--output-dir', 'other'],
  ])('%s %s names the package of the tensorflow engine', (...args) => {
    const { stderr, status } = run(...args);
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr:
        'EngineError: engine tensorflow: @uniem/backend-tensorflow is not installed\n' +
        '  fix: run: npm install @uniem/backend-tensorflow\n',
    });
  });
});

describe('the types, strict and without skipLibCheck', () => {
  /** All that can be imported without a package of others; @uniem/adapters is for libraries of one's own. */
  const entries = () =>
    readdirSync(join(project, 'node_modules', '@uniem'))
      .map((name) => `@uniem/${name}`)
      .concat('uniem')
      .flatMap((name) => {
        const { exports } = JSON.parse(readFileSync(join(project, 'node_modules', name, 'package.json'), 'utf8'));
        return Object.keys(exports ?? {}).map((path) => name + path.slice(1));
      });

  beforeAll(() => {
    install(project, [tarballs.get('@uniem/browser') as string]);
    const imports = entries().map((name, i) => `import * as a${i} from '${name}';\n`);
    const names = imports.map((_, i) => `a${i}`);
    writeFileSync(
      join(project, 'use.mts'),
      `${imports.join('')}export const all: object[] = [${names.join(', ')}];
export const vector: Promise<Float32Array> = a${entries().indexOf('uniem')}.Embedder.fromPretrained('m').then((m) => m.encode('a'));\n`,
    );
  }, 120_000);

  const errors = (typescript: string, resolution: string, ...more: string[]) => {
    const module = resolution === 'bundler' ? 'esnext' : resolution;
    const tsc = join(root, 'node_modules', typescript, 'bin', 'tsc');
    const flags = ['--noEmit', '--strict', '--target', 'es2022', '--module', module, '--moduleResolution', resolution];
    const { stdout } = spawnSync(process.execPath, [tsc, ...flags, ...more, 'use.mts'], {
      cwd: project,
      encoding: 'utf8',
    });
    return stdout.split('\n').filter((line) => line.includes('error TS'));
  };

  test('TypeScript 5.9, moduleResolution node16', { timeout: 300_000 }, () => {
    expect(errors('typescript-5', 'node16')).toEqual([]);
  });

  test('TypeScript 5.9, moduleResolution bundler, no other types than those of Node', { timeout: 300_000 }, () => {
    expect(errors('typescript-5', 'bundler', '--types', 'node')).toEqual([]);
  });

  // tfjs-core pins @webgpu/types 0.1.38, which declares again what TypeScript's own lib.dom.d.ts has had since 6.0.
  test.each(['node16', 'bundler'])('TypeScript 7, moduleResolution %s', { timeout: 120_000 }, (resolution) => {
    const wrong = errors('typescript', resolution, '--types', 'node');
    expect(wrong.filter((line) => !/@webgpu\/types\/|\/lib\.dom\.d\.ts/.test(line))).toEqual([]);
    expect(errors('typescript', resolution, '--types', 'node', '--skipLibCheck')).toEqual([]);
  });
});

test('@uniem/browser names what a bundler imports', () => {
  const names = "console.log(Object.keys(await import('@uniem/browser')).join())";
  const node = ['--input-type=module', '--conditions=development', '-e', names]; // as Vite resolves packages
  expect(execFileSync(process.execPath, node, { cwd: project, encoding: 'utf8' })).toBe('TextEmbedder,cosine,load\n');
});

test('where nothing but cpu is there, auto takes it and says how slow it is and why', () => {
  rmSync(join(project, 'node_modules', '@uniem', 'native-linux-x64-gnu'), { recursive: true });
  writeFileSync(join(project, 'texts.txt'), 'the cat\n');
  const { stderr, status } = run('encode', '--model', model, '--input', 'texts.txt', '--output', 'vectors.jsonl');
  expect(status, stderr).toBe(0);
  expect(stderr).toMatch(
    /^warning: computing on TF\.js's cpu engine, about 200 times slower than native\n {2}engine native: /,
  );
  expect(stderr).toContain('\n  engine tensorflow: @uniem/backend-tensorflow is not installed\n');
  expect(stderr).toContain(
    '\n  engine wasm: @tensorflow/tfjs-backend-wasm@4.22.0 is not installed\n  fix: run `uniem setup native`',
  );
});
