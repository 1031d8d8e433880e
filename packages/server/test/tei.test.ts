/** Routes of text-embeddings-inference, on a model with prompts, dense layers and normalization. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { type RunningServer, startServer } from '../src/index.ts';
import { denseModel, expectClose, GOLDEN, post, TINY } from './serving.ts';

const dense = denseModel();
const texts = GOLDEN.texts.filter((text) => text !== '');
const golden = (name: keyof typeof GOLDEN.dense) => GOLDEN.dense[name].filter((_, i) => GOLDEN.texts[i] !== '');
let server: RunningServer;
beforeAll(async () => {
  server = await startServer({ model: [dense.path, `plain=${TINY}`], port: 0, backend: 'native' });
});
afterAll(async () => {
  await server.close();
  dense.remove();
});

const embed = async (body: object) => {
  const response = await post(`${server.url}/embed`, body);
  return { status: response.status, json: await response.json() };
};

describe("/embed gives sentence-transformers' vectors", () => {
  test.each([
    ['with the default prompt', {}, 'document'],
    ['with a prompt by its name', { prompt_name: 'query' }, 'query'],
    ['of queries', { input_type: 'query' }, 'query'],
    ['of documents, by another name of it', { input_type: 'passage' }, 'document'],
    ['cut after the normalization', { dimensions: 4, normalize: false }, 'truncated'],
    ['cut before the normalization', { dimensions: 4 }, 'truncatedNormalized'],
  ] as const)('%s', async (_, options, name) => {
    const { status, json } = await embed({ inputs: texts, ...options });
    expect(status).toBe(200);
    expectClose(json, golden(name), 1e-5);
  });

  test('to texts of different prompts at once', async () => {
    const names = Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? 'query' : 'document'));
    const answers = await Promise.all(names.map((name) => embed({ inputs: texts, prompt_name: name })));
    answers.forEach(({ json }, i) => {
      expectClose(json, golden(names[i] as 'query'), 1e-5);
    });
  });

  test('to null where a field means nothing', async () => {
    const { json } = await embed({ inputs: texts, truncate: null, prompt_name: null, normalize: null });
    expectClose(json, golden('document'), 1e-5);
  });
});

test('a list of 3,000 texts is split inside, and comes back in its order', async () => {
  const short = Array.from({ length: 30 }, (_, i) => `the cat ${'sat '.repeat(i % 6)}dogs ${i < 15 ? 'run' : 'sat'}`);
  const { json: few } = await embed({ inputs: short, model: 'plain' });
  const { json: many } = await embed({ inputs: Array.from({ length: 3000 }, (_, i) => short[i % 30]), model: 'plain' });
  expectClose(
    many,
    Array.from({ length: 3000 }, (_, i) => few[i % 30]),
    1e-6,
  );
});

test('input_type puts nothing before the texts of a model without prompts', async () => {
  const [without, query] = await Promise.all([
    embed({ inputs: texts, model: 'plain' }),
    embed({ inputs: texts, model: 'plain', input_type: 'query' }),
  ]);
  expectClose(query.json, without.json, 1e-6);
  expect(without.json[0]).toHaveLength(32);
});

test.each([
  [{ inputs: [] }, 400, 'inputs is an empty list: give at least one text'],
  [{ inputs: ['a', ''] }, 400, 'inputs[1] is an empty string: remove it'],
  [{ inputs: 'a', prompt_name: 'passage' }, 400, "prompt_name: the model has no prompt 'passage': use document, query"],
  [
    { inputs: 'a', prompt_name: 'query', input_type: 'query' },
    400,
    'prompt_name and input_type are mutually exclusive',
  ],
  [{ inputs: 'a', model: 'other' }, 404, "model 'other' not found: available models are dense, plain"],
  [{ inputs: 'a', truncation_direction: 'Left' }, 400, 'truncation_direction: '],
  [{ inputs: 'word '.repeat(40), truncate: false }, 400, 'inputs[0] has '],
  [{ inputs: 'x'.repeat(250_001) }, 413, 'inputs[0] has 250001 characters; the maximum is 250000'],
  [{ inputs: 7 }, 400, 'inputs: '],
  [{}, 400, 'inputs: '],
])("%j is refused in TEI's shape", async (body, status, message) => {
  const { status: actual, json } = await embed(body);
  expect(actual).toBe(status);
  expect(json).toEqual({ error: expect.stringContaining(message), error_type: 'Validation' });
});

test('/similarity gives the cosines that the vectors have', async () => {
  const [source, ...sentences] = texts as [string, ...string[]];
  const inputs = { source_sentence: source, sentences };
  const response = await post(`${server.url}/similarity`, { inputs, parameters: { prompt_name: 'query' } });
  const [first, ...others] = golden('query') as [number[], ...number[][]];
  const cosines = others.map((other) => other.reduce((sum, value, i) => sum + value * (first[i] as number), 0));
  expectClose([await response.json()], [cosines], 1e-5);
});

test("/tokenize gives Python's ids, with the special tokens or without", async () => {
  const tokens = async (body: object) =>
    (await (await post(`${server.url}/tokenize`, { model: 'plain', ...body })).json())[0] as {
      id: number;
      text: string;
      special: boolean;
    }[];
  const all = await tokens({ inputs: 'the cat sat' });
  expect(all.map(({ text, special }) => [text, special])).toEqual([
    ['[CLS]', true],
    ['the', false],
    ['cat', false],
    ['sat', false],
    ['[SEP]', true],
  ]);
  expect(await tokens({ inputs: 'the cat sat', add_special_tokens: false })).toEqual(all.slice(1, -1));
});

test('/info, /health, /openapi.json and the page are there', async () => {
  const get = async (path: string) => await fetch(`${server.url}${path}`);
  const info = await (await get('/info')).json();
  expect(info).toMatchObject({ model_id: 'dense', dimensions: 6, prompts: { query: 'the end of the ' } });
  expect(await (await get('/info?model=plain')).json()).toMatchObject({ model_id: 'plain', dimensions: 32 });
  expect((await get('/health')).status).toBe(200);
  const { openapi, paths } = await (await get('/openapi.json')).json();
  expect(openapi).toBe('3.1.0');
  expect(paths['/v1/embeddings'].post.requestBody.content['application/json'].schema.required).toEqual([
    'input',
    'model',
  ]);
  const page = await get('/');
  expect(page.headers.get('content-security-policy')).toContain("connect-src 'self'");
  expect(await page.text()).toContain('<form id="similarity">');
});

test('/metrics counts what was done', async () => {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const value = (name: string) => Number(new RegExp(`^${name.replace(/[{}"]/g, '\\$&')} (.*)$`, 'm').exec(text)?.[1]);
  const before = value('uniem_texts_total');
  await embed({ inputs: ['a', 'b', 'word '.repeat(100)] });
  const after = await (await fetch(`${server.url}/metrics`)).text();
  expect(before).toBeGreaterThan(0);
  expect(after).toContain(`uniem_texts_total ${before + 3}\n`);
  expect(after).toMatch(/uniem_requests_total\{route="\/embed",status="200"\} \d+/);
  expect(after).toContain('uniem_queue_texts 0\n');
  expect(after).toMatch(/# TYPE uniem_batch_duration_seconds histogram/);
});
