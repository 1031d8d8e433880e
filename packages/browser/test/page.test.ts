/** The demo page in headless Chromium, with all-MiniLM-L6-v2; run with a browser by `npm run test:browser`. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Embedder, useEngine } from '@uniem/core';
import { exportModel } from '@uniem/export';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { minilmFolder } from '../../../examples/minilm.ts';
import { serve } from '../bin/serve.js';
import { cosine } from '../src/index.ts';

const TEXTS = ['The weather is lovely today.', 'It is so sunny outside!', '今天天气很好。', '我忘记了密码。'];

const scratch = mkdtempSync(join(tmpdir(), 'uniem-page-'));
/** Where the pictures stay, for someone to look at. */
const pictures = process.env.UNIEM_TEST_PICTURES ?? scratch;

const executablePath = process.env.UNIEM_CHROMIUM;

let browser: Browser | undefined;
let server: { url: string; close: () => Promise<void> } | undefined;
let expected: Float32Array[];

beforeAll(async () => {
  if (!executablePath) return;
  await useEngine({ backend: 'native' });
  const embedder = await Embedder.fromPretrained(minilmFolder());
  const folder = join(scratch, 'model');
  await exportModel(embedder, { format: 'tfjs', output: folder, check: false });
  expected = await embedder.encode(TEXTS, { progressBar: false });
  embedder.dispose();
  server = await serve(folder, 0);
  const quiet = ['--disable-quic', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
  browser = await chromium.launch({
    executablePath,
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', ...quiet],
  });
}, 120_000);

afterAll(async () => {
  await browser?.close();
  await server?.close();
  rmSync(scratch, { recursive: true });
});

const urlOf = (): string => (server as { url: string }).url;

/** The page, with what it wrote to the console. */
async function open(scheme: 'light' | 'dark'): Promise<{ page: Page; messages: string[] }> {
  const page = await (browser as Browser).newPage({ colorScheme: scheme, viewport: { width: 1000, height: 900 } });
  const messages: string[] = [];
  page.on('pageerror', (error) => messages.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') messages.push(message.text());
  });
  await page.goto(urlOf());
  return { page, messages };
}

const done = /^\d+ texts, 384 values each; encoded \d+ in \d+ ms on (cpu|webgl)$/;

describe.skipIf(!executablePath).each(['light', 'dark'] as const)('the page in %s', (scheme) => {
  test('shows the cosines that Embedder gives, Chinese too', { timeout: 240_000 }, async () => {
    const { page, messages } = await open(scheme);
    const status = page.locator('#status');
    await expect.poll(() => status.textContent(), { timeout: 120_000, interval: 500 }).toMatch(done);
    await page.locator('#texts').fill(TEXTS.join('\n'));
    const label = page.locator('#matrix tr:last-child th');
    await expect.poll(() => label.textContent(), { timeout: 60_000 }).toBe(`${TEXTS.length}${TEXTS.at(-1)}`);
    const cells = await page.locator('#matrix tr:not(:first-child) td').allTextContents();
    const cosines = expected.flatMap((a) => expected.map((b) => cosine(a, b).toFixed(2)));
    expect(cells).toEqual(cosines);
    const [best] = await page.locator('#pairs li span').allTextContents();
    expect(best).toBe(TEXTS[0]);
    await page.screenshot({ path: join(pictures, `page-${scheme}.png`), fullPage: true });
    expect(messages).toEqual([]);
    await page.close();
  });
});

test.skipIf(!executablePath)('vectors in the page are those of Embedder', { timeout: 240_000 }, async () => {
  const { page } = await open('light');
  await expect.poll(() => page.locator('#status').textContent(), { timeout: 120_000, interval: 500 }).toMatch(done);
  const vectors = await page.evaluate(async (texts) => {
    const { encode } = globalThis as unknown as { encode: (texts: string[]) => Promise<Float32Array[]> };
    return (await encode(texts)).map((vector) => [...vector]);
  }, TEXTS);
  vectors.forEach((vector, i) => {
    expect(cosine(vector, expected[i] as Float32Array), TEXTS[i]).toBeGreaterThanOrEqual(0.99999);
  });
  await page.close();
});

test.skipIf(!executablePath)('a model that is not there is named on the page', async () => {
  const page = await (browser as Browser).newPage();
  await page.goto(`${urlOf()}?model=/nothing/`);
  const status = page.locator('#status.wrong');
  await expect
    .poll(() => status.textContent(), { timeout: 30_000 })
    .toMatch(/ModelError: .*\/nothing\/\w+\.json: .*404/);
  await page.close();
});
