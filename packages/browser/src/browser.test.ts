/** @uniem/browser in Node, on TF.js's cpu engine: as Embedder of @uniem/core, and fit for a browser. */

import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { Embedder, useEngine } from '@uniem/core';
import { exportModel } from '@uniem/export';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { minilmFolder } from '../../../examples/minilm.ts';
import { compactFolders } from '../../export/test/tiny-models.ts';
import { serve } from '../bin/serve.js';
import { cosine, load } from './index.ts';

const LIMIT = 50_000; // bytes
const TEXTS = ['The weather is lovely today.', 'bank', '今天天气很好。', 'the cat sat on the mat '.repeat(20), ''];

const scratch = mkdtempSync(join(tmpdir(), 'uniem-browser-'));
const servers: (() => Promise<void>)[] = [];
beforeAll(async () => {
  await useEngine({ backend: 'native' });
});
afterAll(async () => {
  for (const close of servers) await close();
  rmSync(scratch, { recursive: true });
});

/** The model as a GraphModel behind a URL, and as it is. */
async function served(source: string, name: string): Promise<{ embedder: Embedder; url: string; folder: string }> {
  const embedder = await Embedder.fromPretrained(source);
  const folder = join(scratch, name);
  await exportModel(embedder, { format: 'tfjs', output: folder, check: false });
  const { url, close } = await serve(folder, 0);
  servers.push(close);
  return { embedder, url: `${url}model`, folder };
}

/** As a page has it, which knows no engine of ours. */
async function onCpu<T>(run: () => Promise<T>): Promise<T> {
  await tf.setBackend('cpu');
  try {
    return await run();
  } finally {
    await tf.setBackend('native');
  }
}

function expectSame(actual: readonly Float32Array[], expected: readonly Float32Array[]): void {
  expect(actual).toHaveLength(expected.length);
  actual.forEach((vector, i) => {
    expect(vector).toHaveLength((expected[i] as Float32Array).length);
    expect(cosine(vector, expected[i] as Float32Array), `text ${i}`).toBeGreaterThanOrEqual(0.99999);
  });
}

describe.each(compactFolders())('%s', (source) => {
  const name = source.split('/').at(-1) as string;

  test('has the ids and vectors of Embedder', async () => {
    const { embedder, url } = await served(source, name);
    const tensors = tf.memory().numTensors;
    const model = await load(url);
    const texts = name === 'static' ? TEXTS.slice(0, -1) : TEXTS; // of no tokens there is no cosine
    for (const text of texts) expect(model.tokenize(text)).toEqual(embedder.tokenizer.encode(text, embedder.maxLength));
    const options = { prompt: '', progressBar: false, batchSize: 2 };
    expectSame(await onCpu(() => model.encode(texts, options)), await embedder.encode(texts, options));
    const cut = { ...options, truncateDim: 8, normalize: true };
    const [short] = await onCpu(() => model.encode(texts, cut));
    expectSame([short as Float32Array], (await embedder.encode(texts, cut)).slice(0, 1));
    expect(Math.hypot(...(short as Float32Array))).toBeCloseTo(1, 5);
    model.dispose();
    expect(tf.memory().numTensors, 'tensors left').toBe(tensors);
    embedder.dispose();
  });
});

test('all-MiniLM-L6-v2 has the ids and vectors of Embedder', async () => {
  const { embedder, url } = await served(minilmFolder(), 'minilm');
  const model = await load(`${url}/`);
  const texts = TEXTS.slice(0, 2); // TF.js's cpu engine is slow
  for (const text of TEXTS) expect(model.tokenize(text)).toEqual(embedder.tokenizer.encode(text, 256));
  expectSame(await onCpu(() => model.encode(texts)), await embedder.encode(texts));
  expect(model.dimension).toBe(384);
  model.dispose();
  embedder.dispose();
});

describe('errors', () => {
  let url: string;
  let folder: string;
  beforeAll(async () => {
    const source = compactFolders().find((path) => path.endsWith('dense')) as string;
    ({ url, folder } = await served(source, 'for-errors'));
  });

  test('name what cannot be asked of a graph', async () => {
    const model = await load(url);
    await expect(model.encode(['a'], { prompt: 'query: ' })).rejects.toThrow(
      'prompt: this model leaves the tokens of a prompt out of its pooling, which a graph has no input for\n' +
        "  fix: give prompt: '', or encode in Node",
    );
    await expect(model.encode(['a'], { prompt: '', normalize: false })).rejects.toThrow(
      'normalize: the graph of this model ends in normalization (received false)\n  fix: leave it out',
    );
    await expect(model.encode(['a'], { promptName: 'poem' })).rejects.toThrow("the model has no prompt 'poem'");
    await expect(model.encode('a' as unknown as string[])).rejects.toThrow('texts: is one text\n  fix: give a list');
    await expect(model.encode(['a'], { prompt: '', batchSize: 0 })).rejects.toThrow(
      'batchSize: must be a whole number',
    );
    model.dispose();
  });

  test('name the file that is not served, or is not of uniem', async () => {
    await expect(load(`${url}/elsewhere`)).rejects.toThrow(/model\/elsewhere\/\w+\.json: .*404.*\n {2}fix: serve the/);
    const path = join(folder, 'model.json');
    const { userDefinedMetadata, ...json } = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
    writeFileSync(path, JSON.stringify(json));
    await expect(load(url)).rejects.toThrow(`${url}/model.json: has no metadata of uniem\n  fix: write the model with`);
    const spoilt = { uniem: { ...(userDefinedMetadata as { uniem: object }).uniem, maxLength: 0 } };
    writeFileSync(path, JSON.stringify({ ...json, userDefinedMetadata: spoilt }));
    await expect(load(url)).rejects.toThrow('userDefinedMetadata.uniem.maxLength is 0');
  });
});

describe('uniem-demo', () => {
  const bin = fileURLToPath(new URL('../bin/demo.js', import.meta.url));

  test.each([
    [[], 'give one model folder\n  fix: run: uniem-demo MODEL [--port 8080]\n'],
    [
      ['nowhere'],
      'nowhere: no model.json\n  fix: write one: uniem export --model MODEL --format tfjs --output nowhere\n',
    ],
    [['nowhere', '--port', '99999'], '--port: 99999 is no port\n  fix: give 0 to 65535\n'],
  ])('%j says what to do', (args, text) => {
    const { stderr, status } = spawnSync(process.execPath, [bin, ...args], { encoding: 'utf8', cwd: scratch });
    expect(stderr).toBe(text);
    expect(status).toBe(1);
  });

  test('serves the page and the model, and nothing else', async () => {
    const folder = join(scratch, 'served');
    mkdirSync(folder);
    writeFileSync(join(folder, 'model.json'), '{}');
    writeFileSync(join(folder, 'secret.txt'), 'secret');
    writeFileSync(join(scratch, 'outside.json'), '{}');
    const child = spawn(process.execPath, [bin, folder, '--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      const url = await new Promise<string>((resolve) => {
        child.stdout.once('data', (line: Buffer) => resolve(line.toString().trim()));
      });
      expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
      const get = async (path: string) => (await fetch(`${url}${path}`)).status;
      expect(await get('')).toBe(200);
      expect(await get('demo.js')).toBe(200);
      expect(await get('model/model.json')).toBe(200);
      for (const path of ['model/secret.txt', 'model/..%2foutside.json', 'model/%2e%2e/outside.json', 'other', '%']) {
        expect(await get(path), path).toBe(404);
      }
    } finally {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill();
      await ended;
    }
  });
});

describe('the bundle', () => {
  const bundled = (options: object) =>
    build({
      entryPoints: [fileURLToPath(new URL('./index.ts', import.meta.url))],
      bundle: true,
      write: false,
      platform: 'browser',
      format: 'esm',
      metafile: true,
      conditions: ['development'],
      ...options,
    });

  test(`is under ${LIMIT} bytes beside TF.js and the tokenizers`, async () => {
    const external = ['@tensorflow/*', '@huggingface/tokenizers'];
    const { outputFiles } = await bundled({ external, minify: true, keepNames: true });
    expect(outputFiles[0]?.contents.length).toBeGreaterThan(1000);
    expect(outputFiles[0]?.contents.length).toBeLessThan(LIMIT);
  });

  test('uses nothing of Node', async () => {
    // A module of Node that is imported anywhere fails the build for browsers.
    const { metafile, outputFiles, warnings } = await bundled({});
    expect(warnings).toEqual([]);
    const own = Object.keys(metafile.inputs).filter((path) => path.startsWith('packages/'));
    expect(own.length).toBeGreaterThan(10);
    for (const path of own) {
      const source = readFileSync(path, 'utf8');
      expect(source, path).not.toMatch(/\b(Buffer|process|__dirname|require)\b\s*[.(]/);
      expect(
        builtinModules.filter((name) => source.includes(`from '${name}'`) || source.includes(`from 'node:`)),
      ).toEqual([]);
    }
    expect(outputFiles[0]?.text).not.toMatch(/from\s*["']node:/);
  });
});
