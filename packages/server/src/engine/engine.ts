/** The engine on a thread of its own, since its kernels block the thread that calls them. */

import { Worker } from 'node:worker_threads';

import type { Backend, EngineName, Precision, TokenBatch } from '@uniem/core';

export interface EngineStart {
  /** Of the models, by their numbers. */
  folders: readonly string[];
  backend: Backend;
  precision: Precision;
}

interface PlainError {
  name: string;
  message: string;
}

/** Sent once, when every model is loaded and warm. */
export interface EngineStarted {
  engine?: EngineName;
  error?: PlainError;
}

export interface EngineBatch {
  number: number;
  model: number;
  batch: TokenBatch;
  skip: number;
}

export interface EngineAnswer {
  number: number;
  /** float32 [B, values] */
  values?: Float32Array;
  error?: PlainError;
}

/** Always the compiled one: a thread knows no TypeScript, and dist is beside src. */
const WORKER = new URL('../../dist/engine/engine-worker.js', import.meta.url);

interface Pending {
  resolve(values: Float32Array): void;
  reject(error: Error): void;
}

export class Engine {
  readonly name: EngineName;
  /** Resolves with the reason when the thread ends without having been asked to. */
  readonly failed: Promise<Error>;
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #number = 0;
  #failure: Error | undefined;
  #closing = false;

  private constructor(worker: Worker, name: EngineName) {
    this.#worker = worker;
    this.name = name;
    worker.on('message', (answer: EngineAnswer) => this.#answer(answer));
    this.failed = new Promise((resolve) => {
      const fail = (reason: string) => {
        this.#failure ??= new Error(`the engine thread stopped: ${reason}`);
        for (const { reject } of this.#pending.values()) reject(this.#failure);
        this.#pending.clear();
        if (!this.#closing) resolve(this.#failure);
      };
      worker.on('error', (error) => fail(error.message));
      worker.on('exit', (code) => fail(`exit code ${code}`));
    });
  }

  /**
   * Loads and warms the models.
   *
   * @throws What core says against a model or engine, by its name and message.
   */
  static async start(start: EngineStart): Promise<Engine> {
    const worker = new Worker(WORKER, { workerData: start, execArgv: [] });
    const { engine, error } = await new Promise<EngineStarted>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
      worker.once('exit', (code) => reject(new Error(`the engine thread stopped during start-up: exit code ${code}`)));
    });
    if (engine) return new Engine(worker, engine);
    await worker.terminate();
    throw revived(error as PlainError);
  }

  /** @returns float32 [B, values], with the layout's normalization and of all the model's values. */
  encode(model: number, batch: TokenBatch, skip: number): Promise<Float32Array> {
    return new Promise((resolve, reject) => {
      if (this.#failure) return reject(this.#failure);
      const number = this.#number++;
      this.#pending.set(number, { resolve, reject });
      const message: EngineBatch = { number, model, batch, skip };
      this.#worker.postMessage(message, [batch.inputIds.buffer as ArrayBuffer, batch.offsets.buffer as ArrayBuffer]);
    });
  }

  #answer({ number, values, error }: EngineAnswer): void {
    const pending = this.#pending.get(number);
    this.#pending.delete(number);
    if (values) pending?.resolve(values);
    else pending?.reject(revived(error as PlainError));
  }

  async close(): Promise<void> {
    this.#closing = true;
    await this.#worker.terminate();
  }
}

function revived({ name, message }: PlainError): Error {
  return Object.assign(new Error(message), { name });
}
