/** The queue alone: an engine of the test's own stands in, so that what is in each batch is seen. */

import { setTimeout } from 'node:timers/promises';

import type { TokenBatch } from '@uniem/core';
import { describe, expect, test } from 'vitest';

import { Metrics } from '../metrics.ts';
import { Batcher } from './batcher.ts';

/** A text of so many tokens; its first is its name. */
const text = (name: number, tokens: number) => Int32Array.from({ length: tokens }, (_, i) => (i === 0 ? name : 0));

/** An engine that takes `milliseconds` a token, and gives each text its name. */
function recorded(maxBatchTokens: number, milliseconds = 0) {
  const batches: number[][] = [];
  const encode = async (model: number, { inputIds, offsets }: TokenBatch, skip: number) => {
    const names = [...offsets.subarray(0, -1)].map((offset) => inputIds[offset] as number);
    batches.push(names);
    await setTimeout(milliseconds * inputIds.length);
    if (names.includes(13)) throw new Error('unlucky');
    return Float32Array.from(names.flatMap((name) => [name, 100 * model + skip]));
  };
  const batcher = new Batcher(encode, maxBatchTokens, new Metrics());
  const submit = (ids: Int32Array[], signal = new AbortController().signal, model = 0, skip = 0) =>
    batcher.submit({ model, ids, skip, signal });
  return { batches, batcher, submit };
}

const namesOf = (vectors: readonly Float32Array[]) => vectors.map(([name]) => name);

test('joins requests to batches under the budget, and gives each its own vectors', async () => {
  const { batches, submit } = recorded(10);
  const answers = await Promise.all([submit([text(1, 3), text(2, 3)]), submit([text(3, 3)]), submit([text(4, 3)])]);
  expect(answers.map(namesOf)).toEqual([[1, 2], [3], [4]]);
  expect(batches.map((names) => names.length)).toEqual([3, 1]);
});

test('a text past the budget is a batch of its own; a list of nothing is nothing', async () => {
  const { batches, submit } = recorded(10);
  const answers = await Promise.all([submit([text(1, 50)]), submit([text(2, 2)]), submit([])]);
  expect(answers.map(namesOf)).toEqual([[1], [2], []]);
  expect(batches).toEqual([[2], [1]]);
});

test('a batch has one model and one number of tokens that are not pooled', async () => {
  const { batches, submit } = recorded(100);
  const { signal } = new AbortController();
  const jobs = [0, 1, 0, 1].map((model, i) => submit([text(i, 2)], signal, model, i === 2 ? 1 : 0));
  expect((await Promise.all(jobs)).map(([vector]) => vector?.[1])).toEqual([0, 100, 1, 100]);
  expect(batches.map((names) => names.join()).sort()).toEqual(['0', '1,3', '2']);
});

test('short requests pass a long list, which is not starved', async () => {
  const { batches, submit } = recorded(20, 0.5);
  let listDone = Number.POSITIVE_INFINITY;
  const list = submit(Array.from({ length: 60 }, () => text(0, 10))).then(() => {
    listDone = performance.now();
  });
  await setTimeout(15); // a batch of the list is at work
  const waits: number[] = [];
  const shorts = async (name: number) => {
    for (let i = 0; i < 20; i++) {
      const before = batches.length;
      await submit([text(name, 2)]);
      waits.push(batches.length - before);
    }
  };
  await Promise.all([shorts(1), shorts(2)]);
  const shortsDone = performance.now();
  await list;
  // Each came into one of the next two batches, though the list had come before with 30 of them.
  expect(Math.max(...waits)).toBeLessThanOrEqual(2);
  // Texts of the list go on meanwhile.
  const isShort = (name: number) => name > 0;
  const [first, last] = [
    batches.findIndex((names) => names.some(isShort)),
    batches.findLastIndex((names) => names.some(isShort)),
  ];
  const listed = batches.slice(first, last).map((names) => names.filter((name) => name === 0).length);
  expect(Math.max(...listed)).toBe(1); // not 2, which the budget had room for
  expect(listed.filter((count) => count > 0).length).toBeGreaterThan(10);
  expect(listDone).toBeGreaterThan(shortsDone);
});

test('a long text waits no longer than its patience while short ones keep coming', async () => {
  const { batches, submit } = recorded(10, 0.2);
  const end = new AbortController();
  const flood = Array.from({ length: 8 }, async () => {
    while (!end.signal.aborted) await submit([text(1, 10)]);
  });
  await setTimeout(20);
  const before = batches.length;
  await submit([text(2, 100)]); // it lets 4 times its tokens pass
  const passed = batches.length - before;
  end.abort();
  await Promise.all(flood);
  expect(passed).toBeGreaterThan(10);
  expect(passed).toBeLessThan(55);
});

describe('a job that ends early', () => {
  test('leaves the queue when it is cancelled, and the others their places', async () => {
    const { batches, batcher, submit } = recorded(10, 0.2);
    const controller = new AbortController();
    const jobs = [
      submit(
        Array.from({ length: 20 }, () => text(1, 5)),
        controller.signal,
      ).catch((reason) => reason),
      submit([text(2, 5)]),
    ];
    await setTimeout(1);
    expect(batcher.waiting.texts).toBeGreaterThan(10);
    controller.abort('gone');
    expect(batcher.waiting.texts).toBeLessThanOrEqual(1);
    expect(await jobs[0]).toBe('gone');
    expect(namesOf((await jobs[1]) as Float32Array[])).toEqual([2]);
    expect(batcher.waiting).toEqual({ texts: 0, tokens: 0 });
    expect(batches.length).toBeLessThanOrEqual(3);
    await expect(submit([text(1, 1)], controller.signal)).rejects.toBe('gone');
  });

  test('fails alone with those of its batch, and the queue goes on', async () => {
    const { batcher, submit } = recorded(4);
    const jobs = [submit([text(1, 4)]), submit([text(13, 4), text(5, 4), text(6, 4)]), submit([text(2, 4)])];
    const outcomes = await Promise.allSettled(jobs);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(outcomes[1]).toMatchObject({ reason: new Error('unlucky') });
    expect(batcher.waiting).toEqual({ texts: 0, tokens: 0 });
  });

  test('does not stay in memory: thousands of them leave no more than a bound behind', async () => {
    const { batcher, submit } = recorded(4, 1);
    const first = submit([text(1, 4), text(1, 4)]);
    for (let i = 0; i < 40; i++) {
      const controller = new AbortController();
      const job = submit(
        Array.from({ length: 1000 }, () => text(1, 4)),
        controller.signal,
      );
      controller.abort('gone');
      await expect(job).rejects.toBe('gone');
      expect(batcher.places).toBeLessThan(12_000);
    }
    await first;
  });
});

test('says how long what waits will take, by the pace of the engine', async () => {
  const { batcher, submit } = recorded(10, 1);
  for (let i = 0; i < 30; i++) await submit([text(1, 10)]);
  const job = submit(Array.from({ length: 100 }, () => text(1, 10)));
  expect(batcher.waitingSeconds).toBeGreaterThan(0.5);
  expect(batcher.waitingSeconds).toBeLessThan(5);
  await job;
});
