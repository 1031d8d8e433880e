/** Parts of the client: keys from a file, what hides them, groups of texts, prices, a local model. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { batchesOf, textAt } from '../src/batches.ts';
import { costOf, localProvider, openProvider, priceOf, readEnvironment, shownAmount } from '../src/index.ts';
import { approximateTokens } from '../src/pace.ts';
import { retryAfterOf } from '../src/replies.ts';
import { scrub } from '../src/scrub.ts';

test('a .env file gives what the environment does not, and changes no process.env', () => {
  const folder = mkdtempSync(join(tmpdir(), 'uniem-env-'));
  const file = join(folder, '.env');
  writeFileSync(file, 'UNIEM_TEST_KEY="from file"\nPATH=nowhere\n# a comment\n');
  const env = readEnvironment(file);
  rmSync(folder, { recursive: true });
  expect(env.UNIEM_TEST_KEY).toBe('from file');
  expect(env.PATH).toBe(process.env.PATH);
  expect(process.env.UNIEM_TEST_KEY).toBeUndefined();
  expect(readEnvironment(file)).toBe(process.env);
});

test('a secret is hidden however it is written', () => {
  const secret = 'a+b/c "d"&e';
  const forms = [secret, encodeURIComponent(secret), JSON.stringify(secret), Buffer.from(secret).toString('base64')];
  const query = new URLSearchParams({ key: secret }).toString();
  expect(scrub([...forms, query].join(' | '), [secret, ''])).toBe('*** | *** | "***" | *** | key=***');
});

test('texts are grouped in order, by number and by length; one that is too long for all goes alone', () => {
  const size = (text: string) => text.length;
  expect(batchesOf(['a', 'b', 'c', 'd', 'e'], { texts: 2 })).toEqual([[0, 1], [2, 3], [4]]);
  expect(batchesOf(['aa', 'bb', 'c', 'ddddd', 'e'], { texts: 9, total: 4, size })).toEqual([[0, 1], [2], [3], [4]]);
  expect(batchesOf([], { texts: 2 })).toEqual([]);
});

test('a text is shown by its beginning, whole characters', () => {
  expect(textAt(3, `😀"${'x'.repeat(100)}`)).toBe(`text 3 ("😀\\"${'x'.repeat(38)}"…)`);
});

test('Retry-After is seconds or a date', () => {
  const after = (headers: Record<string, string>) => retryAfterOf(new Headers(headers));
  expect(after({ 'retry-after': '1.5' })).toBe(1500);
  expect(after({ 'retry-after-ms': '20', 'retry-after': '1' })).toBe(20);
  expect(after({ 'retry-after': new Date(Date.now() + 60_000).toUTCString() })).toBeGreaterThan(58_000);
  expect(after({ 'retry-after': new Date(0).toUTCString() })).toBe(0);
  expect(after({ 'retry-after': 'soon' })).toBeUndefined();
  expect(after({})).toBeUndefined();
});

test('tokens are guessed: four ASCII characters, or one other', () => {
  expect(approximateTokens('hello world')).toBe(3);
  expect(approximateTokens('你好 hi')).toBe(3);
});

test('prices are those of the table, with their date; others are unknown', () => {
  expect(priceOf('openai', 'text-embedding-3-small')).toMatchObject({ amount: 0.02, currency: 'USD' });
  expect(costOf('openai', 'text-embedding-3-small', 1_500_000)).toBe(
    '$0.03 at $0.02 per million tokens (https://developers.openai.com/api/docs/models/text-embedding-3-large, read 2026-11-25)',
  );
  expect(costOf('zhipu', 'Embedding-3', 1000)).toMatch(/^¥0.00050 at ¥0.50 per million tokens/);
  expect(costOf('spark', 'spark-embedding', undefined)).toBe(
    'cost unknown (no price on record for spark spark-embedding)',
  );
  expect(costOf('openai', 'text-embedding-3-small', undefined)).toMatch(
    /^cost unknown \(the service does not report tokens\); \$0.02/,
  );
  expect([0, 0.000_000_2, 0.012_34, 12].map((amount) => shownAmount(amount, 'USD'))).toEqual([
    '$0.00',
    '$0.00000020',
    '$0.01',
    '$12.00',
  ]);
});

test('a local model stands behind the same interface', async () => {
  const calls: unknown[] = [];
  const encode = (method: string) => async (texts: readonly string[], options?: object) => {
    calls.push([method, texts.length, options]);
    return texts.map((text) => Float32Array.of(text.length));
  };
  const provider = localProvider('mine', { encode: encode('encode'), encodeQuery: encode('encodeQuery') });
  const kept: number[] = [];
  const texts = Array.from({ length: 1500 }, (_, i) => 'x'.repeat(i % 7));
  const { embeddings, usage } = await provider.embed(texts, {
    inputType: 'query',
    dimensions: 1,
    onBatch: ({ indices }) => kept.push(...indices),
  });
  expect(embeddings.map(([length]) => length)).toEqual(texts.map(({ length }) => length));
  expect(kept).toEqual([...texts.keys()]);
  expect(calls).toEqual([
    ['encodeQuery', 1024, { truncateDim: 1 }],
    ['encodeQuery', 476, { truncateDim: 1 }],
  ]);
  expect(usage.tokens).toBeUndefined();
  await provider.embed(['a'], { inputType: 'document' }); // the model has no method for documents
  expect(calls.at(-1)).toEqual(['encode', 1, {}]);
  await expect(provider.embed(['a'], { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
});

test('what is missing to open a provider is named', () => {
  const environment = {};
  expect(() => openProvider('openai', undefined, { environment })).toThrow(
    'openai: no model given\n  fix: name the model',
  );
  expect(() => openProvider('compatible', 'm', { environment })).toThrow(
    'compatible m: no base URL given\n  fix: give one, for example http://localhost:11434/v1',
  );
  expect(() => openProvider('zhipu', 'm', { environment })).toThrow('zhipu m: ZHIPUAI_API_KEY is not set');
});
