/** Each adapter in the hands of the library it is for, with all-MiniLM-L6-v2 and a model that has prompts. */

import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { MemoryVectorStore } from '@langchain/classic/vectorstores/memory';
import { Document as LangChainDocument } from '@langchain/core/documents';
import { Embedder, useEngine } from '@uniem/core';
import { cosineSimilarity, embed, embedMany } from 'ai';
import { Document, Settings, VectorStoreIndex } from 'llamaindex';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { minilmFolder } from '../../../examples/minilm.ts';
import { createEmbeddingModel } from './ai-sdk.ts';
import { UniemEmbeddings } from './langchain.ts';
import { UniemEmbedding } from './llamaindex.ts';

const fixtures = fileURLToPath(new URL('../../../fixtures/', import.meta.url));
const read = (...path: string[]) => JSON.parse(readFileSync(join(fixtures, ...path), 'utf8'));

/** Of sentence-transformers: fixtures/minilm/generate.py. */
const texts: string[] = read('minilm', 'texts.json');
const vectors: number[][] = read('minilm', 'vectors.json');

const CORPUS = ['The cat sleeps on the sofa.', 'Stocks fell sharply on Monday.', 'Boil the pasta for ten minutes.'];
const QUERY = 'How long do noodles cook?';

/** A model with the prompts `query` and `document`: fixtures/sentence-transformers/generate.py. */
const dense: { texts: string[]; dense: Record<'query' | 'document', number[][]> } = read(
  'sentence-transformers',
  'expected.json',
);
const folder = mkdtempSync(join(tmpdir(), 'uniem-adapters-'));
let minilm: Embedder;
let prompted: Embedder;
beforeAll(async () => {
  await useEngine({ backend: 'native' });
  cpSync(join(fixtures, 'tiny-bert', 'model'), folder, { recursive: true });
  cpSync(join(fixtures, 'sentence-transformers', 'compact', 'dense'), folder, { recursive: true });
  [minilm, prompted] = await Promise.all([minilmFolder(), folder].map((path) => Embedder.fromPretrained(path)));
});
afterAll(() => {
  minilm.dispose();
  prompted.dispose();
  rmSync(folder, { recursive: true });
});

function expectClose(actual: readonly (readonly number[])[], expected: readonly (readonly number[])[]): void {
  expect(actual.map(({ length }) => length)).toEqual(expected.map(({ length }) => length));
  const differences = expected.flatMap((row, i) => row.map((value, j) => Math.abs(value - (actual[i]?.[j] as number))));
  expect(Math.max(...differences)).toBeLessThan(1e-5);
}

describe('the Vercel AI SDK', () => {
  test("embedMany gives sentence-transformers' vectors, and the tokens", async () => {
    const { embeddings, usage, values } = await embedMany({ model: createEmbeddingModel(minilm), values: texts });
    expectClose(embeddings, vectors);
    expect(values).toEqual(texts);
    expect(usage.tokens).toBe(minilm.tokenize(texts).ids.flatMap((ids) => [...ids]).length);
  });

  test('embed and cosineSimilarity find the nearest text', async () => {
    const model = createEmbeddingModel(minilm, { normalize: true, truncateDim: 128, modelId: 'minilm' });
    const { embedding } = await embed({ model, value: QUERY });
    const { embeddings } = await embedMany({ model, values: CORPUS });
    expect(embedding).toHaveLength(128);
    const cosines = embeddings.map((other) => cosineSimilarity(embedding, other));
    expect(cosines.indexOf(Math.max(...cosines))).toBe(2);
  });

  test('takes a prompt by its name', async () => {
    const model = createEmbeddingModel(prompted, { promptName: 'query' });
    expectClose((await embedMany({ model, values: dense.texts })).embeddings, dense.dense.query);
  });
});

describe('LangChain.js', () => {
  test('a vector store finds the nearest document', async () => {
    const documents = CORPUS.map((pageContent, id) => new LangChainDocument({ pageContent, metadata: { id } }));
    const store = await MemoryVectorStore.fromDocuments(documents, new UniemEmbeddings({ embedder: minilm }));
    const [[found, score] = []] = await store.similaritySearchWithScore(QUERY, 1);
    expect(found?.metadata.id).toBe(2);
    expect(score).toBeGreaterThan(0.3);
  });

  test("puts the model's prompts before documents and queries, as sentence-transformers does", async () => {
    const embeddings = new UniemEmbeddings({ embedder: prompted });
    expectClose(await embeddings.embedDocuments(dense.texts), dense.dense.document);
    expectClose([await embeddings.embedQuery(dense.texts[0] as string)], [dense.dense.query[0] as number[]]);
  });
});

describe('LlamaIndex.TS', () => {
  test('an index retrieves the nearest document', async () => {
    Settings.embedModel = new UniemEmbedding({ embedder: minilm });
    const documents = CORPUS.map((text, i) => new Document({ text, id_: `${i}` }));
    const index = await VectorStoreIndex.fromDocuments(documents);
    const nodes = await index.asRetriever({ similarityTopK: 1 }).retrieve({ query: QUERY });
    expect(nodes.map(({ node }) => node.sourceNode?.nodeId)).toEqual(['2']);
    expect(nodes[0]?.score).toBeGreaterThan(0.3);
  });

  test("puts the model's prompts before documents and queries, as sentence-transformers does", async () => {
    const model = new UniemEmbedding({ embedder: prompted });
    expectClose(await model.getTextEmbeddingsBatch(dense.texts), dense.dense.document);
    expectClose([await model.getTextEmbedding('dogs run')], [dense.dense.document[2] as number[]]);
    const query = await model.getQueryEmbedding({ type: 'text', text: dense.texts[0] as string });
    expectClose([query as number[]], [dense.dense.query[0] as number[]]);
    expect(await model.getQueryEmbedding({ type: 'image_url', image_url: { url: 'data:,' } })).toBe(null);
  });
});
