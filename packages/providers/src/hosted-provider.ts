/** A hosted service as an EmbeddingProvider: requests, retries, and vectors in the order of the texts. */

import { setMaxListeners } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';

import { batchesOf, requireAcceptable, textAt } from './batches.ts';
import type { Environment } from './environment.ts';
import { Failure, ProviderError } from './errors.ts';
import { post } from './http.ts';
import { approximateTokens, Pace } from './pace.ts';
import type { EmbeddingProvider, EmbeddingResult, EmbedOptions } from './provider.ts';
import { proxySecrets } from './proxy.ts';
import { scrub } from './scrub.ts';
import type { Answer, RequestOptions, Send, Service } from './service.ts';

export interface ClientOptions {
  /** Requests at the same time. */
  concurrency?: number | undefined;
  /** Texts a request, up to what the service takes. */
  batchSize?: number | undefined;
  requestsPerSecond?: number | undefined;
  /** Tokens are guessed before a request: see `approximateTokens`. */
  tokensPerMinute?: number | undefined;
  /** How long a request may take, in ms. */
  timeout?: number | undefined;
  /** Tries after the first one, of a request that may yet succeed. */
  maxRetries?: number | undefined;
  /** Wait before the first retry, doubled with each further one, in ms. */
  retryDelay?: number | undefined;
  /** Where proxies are named; process.env if left out. */
  environment?: Environment | undefined;
}

const RETRIED: ReadonlySet<Failure['kind']> = new Set(['rate', 'unavailable', 'network']);
/** A service that asks for more patience than this is left, in ms. */
const LONGEST_WAIT = 120_000;

/** What to do about a failure of each kind. */
const FIXES: Readonly<Record<ProviderError['kind'], string>> = {
  options: 'check the model, the options and the base URL',
  auth: 'check the key and its access to this model',
  input: 'correct or remove the text',
  quota: 'top up the account, or raise its quota',
  rate: 'wait, or set a lower concurrency, requests per second or tokens per minute',
  unavailable: 'try again later',
  network: 'check the network, the base URL and HTTPS_PROXY, or raise the time-out',
  response: 'check that the base URL is that of an embeddings service of this kind',
};

/** A call of `embed` at work. */
interface Run extends RequestOptions {
  texts: readonly string[];
  /** The caller's, for requests in flight. */
  signal: AbortSignal;
  /** Also aborted when another request has failed for good, for waiting. */
  stop: AbortSignal;
  indexOf(index: number): number;
  onDone(indices: readonly number[], answer: Answer): void;
}

export class HostedProvider implements EmbeddingProvider {
  readonly name: string;
  readonly model: string;
  readonly #service: Service;
  readonly #options: ClientOptions;
  readonly #pace: Pace;

  constructor(service: Service, options: ClientOptions = {}) {
    this.name = service.name;
    this.model = service.model;
    this.#service = service;
    this.#options = options;
    const { requestsPerSecond = service.limits.requestsPerSecond, tokensPerMinute } = options;
    this.#pace = new Pace({ requestsPerSecond, tokensPerMinute });
  }

  async embed(texts: readonly string[], options: EmbedOptions = {}): Promise<EmbeddingResult> {
    const { signal = new AbortController().signal, dimensions, inputType, onBatch } = options;
    const indexOf = options.indexOf ?? ((index: number) => index);
    const { limits } = this.#service;
    this.#requireDimensions(dimensions);
    requireAcceptable(texts, limits, this.#where, indexOf);
    signal.throwIfAborted();

    const embeddings = new Array<Float32Array>(texts.length);
    let tokens: number | undefined = 0;
    let requests = 0;
    let length = dimensions;
    const onDone = (indices: readonly number[], answer: Answer) => {
      for (const vector of answer.embeddings) {
        length ??= vector.length;
        if (vector.length !== length) {
          throw new Failure('response', `a vector has ${vector.length} values, where ${length} are expected`);
        }
      }
      requests += 1;
      tokens = tokens === undefined || answer.tokens === undefined ? undefined : tokens + answer.tokens;
      indices.forEach((index, i) => {
        embeddings[index] = answer.embeddings[i] as Float32Array;
      });
      onBatch?.({ indices, ...answer });
    };

    const [cancelled, failed] = [new AbortController(), new AbortController()];
    // As many listeners as requests at once: on these two, not on the caller's signal.
    setMaxListeners(0, cancelled.signal, failed.signal);
    const giveUp = () => {
      cancelled.abort(signal.reason);
      failed.abort(signal.reason);
    };
    signal.addEventListener('abort', giveUp);
    const stop = failed.signal;
    const run: Run = { texts, dimensions, inputType, signal: cancelled.signal, stop, indexOf, onDone };
    const most = Math.min(this.#options.batchSize ?? limits.texts, limits.texts);
    const batches = batchesOf(texts, { ...limits, texts: most });
    let next = 0;
    const work = async () => {
      while (next < batches.length && !stop.aborted) {
        try {
          await this.#embedBatch(batches[next++] as number[], run);
        } catch (error) {
          failed.abort(error); // the first one counts; requests in flight end by themselves, and are told
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(this.#options.concurrency ?? 4, batches.length) }, work));
    signal.removeEventListener('abort', giveUp);
    stop.throwIfAborted(); // by the caller's reason, or the first error
    return { embeddings, usage: { requests, tokens } };
  }

  get #where(): string {
    return `${this.name} ${this.model}`;
  }

  #requireDimensions(dimensions: number | undefined): void {
    const { dimensions: allowed } = this.#service;
    if (dimensions === undefined) return;
    if (allowed === undefined) {
      const what = `dimensions is ${dimensions}, but the model has a fixed size`;
      throw new ProviderError('options', what, this.#where, 'leave dimensions out');
    }
    if (Number.isInteger(dimensions) && dimensions >= 1 && (allowed === 'any' || allowed.includes(dimensions))) return;
    const fix = allowed === 'any' ? 'give a whole number of 1 or more' : `use one of ${allowed.join(', ')}`;
    throw new ProviderError('options', `dimensions is ${dimensions}`, this.#where, fix);
  }

  /** A request that is refused for its texts is halved until the text at fault stands alone. */
  async #embedBatch(indices: readonly number[], run: Run): Promise<void> {
    try {
      run.onDone(indices, await this.#ask(indices, run));
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      if (error.kind !== 'input' || indices.length === 1) throw this.#errorOf(error, indices, run);
      const half = Math.ceil(indices.length / 2);
      await this.#embedBatch(indices.slice(0, half), run);
      run.stop.throwIfAborted();
      await this.#embedBatch(indices.slice(half), run);
    }
  }

  /** One request, again while that may help. @throws Failure */
  async #ask(indices: readonly number[], run: Run): Promise<Answer> {
    const { maxRetries = 5, retryDelay = 500 } = this.#options;
    const texts = indices.map((index) => run.texts[index] as string);
    const weight = texts.reduce((sum, text) => sum + approximateTokens(text), 0);
    let renewed = false;
    for (let tries = 1; ; tries++) {
      await this.#pace.turn(weight, run.stop);
      let token: string | undefined;
      try {
        const send: Send = (request) =>
          post(request, {
            environment: this.#options.environment ?? process.env,
            timeout: this.#options.timeout ?? 60_000,
            signal: run.signal,
          });
        const request = await this.#service.request(texts, run, send);
        token = request.token;
        return this.#service.read(await send(request), texts.length);
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        if (error.kind === 'expired') {
          if (renewed) throw new Failure('auth', error.message);
          this.#service.renew?.(token);
          renewed = true;
          continue;
        }
        if (!RETRIED.has(error.kind)) throw error;
        const backoff = Math.min(retryDelay * 2 ** (tries - 1), LONGEST_WAIT) * (0.5 + Math.random() / 2);
        const delay = error.retryAfter ?? backoff;
        if (tries > maxRetries) throw new Failure(error.kind, `${error.message}, after ${tries} tries`);
        if (delay > LONGEST_WAIT) {
          throw new Failure(error.kind, `${error.message}; the service asks to wait ${Math.round(delay / 1000)} s`);
        }
        if (error.kind === 'rate') this.#pace.pause(delay);
        await wait(delay, undefined, { signal: run.stop });
      }
    }
  }

  #errorOf({ kind, message }: Failure, indices: readonly number[], { texts, indexOf }: Run): ProviderError {
    const known = kind === 'expired' ? 'auth' : kind;
    const secrets = [...this.#service.secrets(), ...this.#proxySecrets()];
    const [first, last] = [indices[0] as number, indices.at(-1) as number];
    const which =
      first === last ? textAt(indexOf(first), texts[first] as string) : `texts ${indexOf(first)} to ${indexOf(last)}`;
    return new ProviderError(known, `${scrub(message, secrets)}; ${which}`, this.#where, FIXES[known]);
  }

  #proxySecrets(): string[] {
    const environment = this.#options.environment ?? process.env;
    return ['https://host', 'http://host'].flatMap((url) => proxySecrets(new URL(url), environment));
  }
}
