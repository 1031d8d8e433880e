/**
 * Joins the texts of all requests to batches under a token budget; one batch is at work at a time.
 *
 * Time is counted in tokens that the engine has embedded. A text's place in the queue is the time of its arrival, plus
 * `PATIENCE` times the tokens of its request up to it. So short requests pass a long list, text by text; and since places
 * do not move while time does, every text's turn comes. A text whose turn has not come is embedded early where there is
 * room, but only a little of them while others keep coming: who comes next waits for the batch at work.
 */

import { packTokens, type TokenBatch } from '@uniem/core';
import type { Metrics } from '../metrics.ts';
import { Heap } from './heap.ts';

/** The texts of a request. */
export interface Job {
  /** The model's number. */
  model: number;
  /** int32 ids of each text. */
  ids: readonly Int32Array[];
  /** Tokens at each text's start that are not pooled. */
  skip: number;
  /** Takes the texts out of the queue; the job is rejected with its reason. */
  signal: AbortSignal;
}

/** @returns float32 [B, values] */
export type Encode = (model: number, batch: TokenBatch, skip: number) => Promise<Float32Array>;

interface RunningJob extends Job {
  arrival: number;
  vectors: Float32Array[];
  /** Texts without a vector. */
  left: number;
  /** Texts that no batch has taken, and their tokens. */
  waiting: { texts: number; tokens: number };
  /** Answered, failed or cancelled. */
  settled: boolean;
  resolve(vectors: Float32Array[]): void;
  reject(reason: unknown): void;
}

/** A text of a job. */
interface Item {
  job: RunningJob;
  index: number;
}

const PATIENCE = 4;

/** Of the budget, for texts before their turn while others keep coming. */
const EARLY = 1 / 8;

/** Milliseconds in which another request's arrival means that more will come. */
const RECENT = 1000;

/** Milliseconds a token of a small model on two cores, until the engine has shown its own. */
const FIRST_GUESS = 0.05;

/** Of the newest batch in the engine's pace. */
const NEWEST = 0.2;

/** Texts of cancelled jobs that may stay in a queue. */
const FORGOTTEN = 10_000;

export class Batcher {
  readonly #encode: Encode;
  readonly #maxBatchTokens: number;
  readonly #metrics: Metrics;
  /** By model and skip, of which a batch has one. */
  readonly #queues = new Map<string, Heap<Item>>();
  readonly #waiting = { texts: 0, tokens: 0 };
  #running = false;
  /** Tokens embedded so far. */
  #time = 0;
  #newest: RunningJob | undefined;
  #millisecondsPerToken = FIRST_GUESS;

  constructor(encode: Encode, maxBatchTokens: number, metrics: Metrics) {
    this.#encode = encode;
    this.#maxBatchTokens = maxBatchTokens;
    this.#metrics = metrics;
  }

  /** What no batch has taken yet. */
  get waiting(): Readonly<{ texts: number; tokens: number }> {
    return this.#waiting;
  }

  /** Texts in memory: those that wait, and places of cancelled ones. */
  get places(): number {
    return [...this.#queues.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** How long the engine will need for what waits, by its pace so far. */
  get waitingSeconds(): number {
    return (this.#waiting.tokens * this.#millisecondsPerToken) / 1000;
  }

  /**
   * @returns One float32 vector a text.
   * @throws What the engine says against a batch that the job has a text in; the signal's reason.
   */
  async submit(job: Job): Promise<Float32Array[]> {
    job.signal.throwIfAborted();
    if (job.ids.length === 0) return [];
    return new Promise((resolve, reject) => {
      const onAbort = () => this.#settle(running, () => reject(job.signal.reason));
      const running: RunningJob = {
        ...job,
        arrival: performance.now(),
        vectors: new Array<Float32Array>(job.ids.length),
        left: job.ids.length,
        waiting: { texts: 0, tokens: 0 },
        settled: false,
        resolve: (vectors) => {
          job.signal.removeEventListener('abort', onAbort);
          resolve(vectors);
        },
        reject: (reason) => {
          job.signal.removeEventListener('abort', onAbort);
          reject(reason);
        },
      };
      job.signal.addEventListener('abort', onAbort);
      this.#enqueue(running);
      if (this.#running) return;
      this.#running = true;
      setImmediate(() => void this.#run()); // what arrives in this turn joins the batch
    });
  }

  #enqueue(job: RunningJob): void {
    const key = `${job.model} ${job.skip}`;
    const queue = this.#queues.get(key) ?? new Heap<Item>();
    this.#queues.set(key, queue);
    this.#newest = job;
    for (const [index, ids] of job.ids.entries()) {
      this.#count(job, 1, ids.length);
      queue.push(this.#time + PATIENCE * job.waiting.tokens, { job, index });
    }
  }

  #count({ waiting }: RunningJob, texts: number, tokens: number): void {
    for (const counts of [waiting, this.#waiting]) {
      counts.texts += texts;
      counts.tokens += tokens;
    }
  }

  #settle(job: RunningJob, how: () => void): void {
    if (job.settled) return;
    job.settled = true;
    const { texts, tokens } = job.waiting;
    this.#count(job, -texts, -tokens);
    how();
    // The job's places stay until their turn, since a heap gives up its least alone; its memory does not.
    job.ids = [];
    job.vectors = [];
    const queue = this.#queues.get(`${job.model} ${job.skip}`);
    if (queue && queue.size > 2 * this.#waiting.texts + FORGOTTEN) queue.filter((item) => !item.job.settled);
  }

  async #run(): Promise<void> {
    for (let items = this.#nextBatch(); items.length > 0; items = this.#nextBatch()) await this.#encodeBatch(items);
    this.#running = false;
  }

  /** Texts of one model and skip, the first of them the first of all. */
  #nextBatch(): Item[] {
    const items: Item[] = [];
    while (items.length === 0 && this.#queues.size > 0) {
      const [key, queue] = [...this.#queues].reduce((a, b) => (b[1].leastKey < a[1].leastKey ? b : a));
      let room = this.#maxBatchTokens;
      let isSmall = false;
      for (let item = queue.peek(); item; item = queue.peek()) {
        if (!item.job.settled) {
          // A table of words alone makes no token of an empty text.
          const tokens = Math.max(1, idsOf(item).length);
          const isEarly = queue.leastKey > this.#time + PATIENCE * tokens && this.#comesAnotherThan(item.job);
          if (items.length === 0 && isEarly) {
            isSmall = true;
            room *= EARLY;
          }
          room -= tokens;
          if (items.length > 0 && (room < 0 || (isEarly && !isSmall))) break;
          items.push(item);
        }
        queue.pop();
      }
      if (queue.size === 0) this.#queues.delete(key);
    }
    return items;
  }

  #comesAnotherThan(job: RunningJob): boolean {
    return this.#newest !== undefined && this.#newest !== job && performance.now() - this.#newest.arrival < RECENT;
  }

  async #encodeBatch(items: readonly Item[]): Promise<void> {
    const { model, skip } = (items[0] as Item).job;
    const start = performance.now();
    for (const item of items) {
      this.#count(item.job, -1, -idsOf(item).length);
      this.#metrics.queueSeconds.observe((start - item.job.arrival) / 1000);
    }
    const batch = packTokens(items.map(idsOf));
    const tokens = batch.inputIds.length;
    this.#time += tokens;
    try {
      const values = await this.#encode(model, batch, skip);
      const H = values.length / items.length;
      for (const [i, { job, index }] of items.entries()) {
        if (job.settled) continue;
        job.vectors[index] = values.slice(i * H, (i + 1) * H);
        if (--job.left === 0) this.#settle(job, () => job.resolve(job.vectors));
      }
    } catch (error) {
      for (const { job } of items) this.#settle(job, () => job.reject(error));
      return;
    }
    const milliseconds = performance.now() - start;
    if (tokens > 0) this.#millisecondsPerToken += NEWEST * (milliseconds / tokens - this.#millisecondsPerToken);
    this.#metrics.batchSeconds.observe(milliseconds / 1000);
    this.#metrics.batchTexts.observe(items.length);
    this.#metrics.batchTokens.observe(tokens);
    this.#metrics.texts.add(items.length);
    this.#metrics.tokens.add(tokens);
  }
}

const idsOf = ({ job, index }: Item) => job.ids[index] as Int32Array;
