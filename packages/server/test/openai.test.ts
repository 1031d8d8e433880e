/** The official client and LangChain's, unchanged, against a server of all-MiniLM-L6-v2 on the native engine. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { OpenAIEmbeddings } from '@langchain/openai';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { minilmFolder } from '../../../examples/minilm.ts';
import { type RunningServer, startServer } from '../src/index.ts';
import { expectClose, fixtures, post } from './serving.ts';

/** Of sentence-transformers: fixtures/minilm/generate.py. */
const read = (name: string) => JSON.parse(readFileSync(join(fixtures, 'minilm', name), 'utf8'));
const all: string[] = read('texts.json');
const texts = all.filter((text) => text !== '');
const vectors = (read('vectors.json') as number[][]).filter((_, i) => all[i] !== '');
const model = 'all-MiniLM-L6-v2';

let server: RunningServer;
let client: OpenAI;
beforeAll(async () => {
  server = await startServer({ model: [minilmFolder()], port: 0, backend: 'native' });
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none asked for', maxRetries: 0 });
});
afterAll(() => server.close());

describe('the openai client', () => {
  test.each([undefined, 'float', 'base64'] as const)(
    "gets sentence-transformers' vectors, format %s",
    async (format) => {
      const answer = await client.embeddings.create({
        model,
        input: texts,
        ...(format && { encoding_format: format }),
      });
      const decoded = answer.data.map(({ embedding }) =>
        typeof embedding === 'string' ? floatsOf(embedding) : (embedding as number[]),
      );
      expectClose(decoded, vectors, 1e-5);
      expect(answer.data.map(({ index }) => index)).toEqual([...texts.keys()]);
      expect(answer.model).toBe(model);
    },
  );

  test('is told the tokens of a text', async () => {
    const { usage, data } = await client.embeddings.create({ model, input: 'hello world', user: 'someone' });
    expect(usage).toEqual({ prompt_tokens: 4, total_tokens: 4 }); // [CLS] hello world [SEP]
    expect(data).toHaveLength(1);
  });

  test('gets fewer dimensions, of length 1 again', async () => {
    const answer = await client.embeddings.create({ model, input: texts, dimensions: 32 });
    const cut = vectors.map((vector) => {
      const head = vector.slice(0, 32);
      return head.map((value) => value / Math.hypot(...head));
    });
    const decoded = answer.data.map(({ embedding }) => embedding);
    expectClose(decoded, cut, 1e-5);
  });

  test('lists and describes the models', async () => {
    const { data } = await client.models.list();
    expect(data.map(({ id, object }) => [id, object])).toEqual([[model, 'model']]);
    expect(await client.models.retrieve(model)).toMatchObject({ id: model, object: 'model', owned_by: 'uniem' });
  });

  test('has its own error classes for what is wrong', async () => {
    const create = (change: object) =>
      client.embeddings.create({ model, input: 'a', ...change }).then(
        () => undefined,
        (error: InstanceType<typeof OpenAI.APIError>) => error,
      );
    const unknown = await create({ model: 'text-embedding-3-small' });
    expect(unknown).toBeInstanceOf(OpenAI.NotFoundError);
    expect(unknown).toMatchObject({ code: 'model_not_found', param: 'model', type: 'invalid_request_error' });
    expect(unknown?.message).toBe(`404 model 'text-embedding-3-small' not found: available models are ${model}`);
    const wide = await create({ dimensions: 1000 });
    expect(wide).toBeInstanceOf(OpenAI.BadRequestError);
    expect(wide?.message).toBe(`400 dimensions must be at most 384 for model ${model} (received 1000)`);
    expect((await create({ input: [] }))?.message).toBe('400 input is an empty list: give at least one text');
    expect((await create({ input: ['a', ''] }))?.message).toBe('400 input[1] is an empty string: remove it');
    expect((await create({ foo: 1 }))?.message).toBe("400 unknown field 'foo'");
    expect((await create({ encoding_format: 'int8' }))?.message).toMatch(/^400 encoding_format: .*"float"\|"base64"/);
    const long = await create({ input: 'word '.repeat(400), truncate: false });
    expect(long).toMatchObject({ status: 400, code: 'context_length_exceeded', param: 'input' });
    expect(long?.message).toBe(
      `400 input[0] has 402 tokens, but model ${model} takes at most 256: shorten it, or set truncate to true`,
    );
  });

  test.each([[[1, 2, 3]], [[[1, 2], [3]]]])('is told what to do about token ids: %j', async (input) => {
    const error = await client.embeddings.create({ model, input: input as number[] }).catch((error) => error);
    expect(error).toBeInstanceOf(OpenAI.BadRequestError);
    expect(error.message).toContain('input contains token ids');
    expect(error.message).toContain('check_embedding_ctx_length=False');
  });
});

test("a text that is cut is told in a header, and its vector is sentence-transformers' of its start", async () => {
  const cut = await post(`${server.url}/v1/embeddings`, { model, input: ['a', 'word '.repeat(400)] });
  expect(cut.headers.get('x-truncated-texts')).toBe('1');
  const short = await post(`${server.url}/v1/embeddings`, { model, input: ['word '.repeat(254)] });
  expect(short.headers.get('x-truncated-texts')).toBe(null);
  const [long, start] = [(await cut.json()).data[1].embedding, (await short.json()).data[0].embedding];
  expectClose([long], [start], 1e-6);
});

test("LangChain's OpenAIEmbeddings embeds documents and a query", async () => {
  const configuration = { baseURL: `${server.url}/v1` };
  const embeddings = new OpenAIEmbeddings({ model, apiKey: 'none asked for', configuration, batchSize: 5 });
  expectClose(await embeddings.embedDocuments(texts), vectors, 1e-5);
  expectClose([await embeddings.embedQuery(texts[3] as string)], [vectors[3] as number[]], 1e-5);
});

function floatsOf(base64: string): Float32Array {
  const bytes = Buffer.from(base64, 'base64');
  return new Float32Array(Uint8Array.from(bytes).buffer);
}
