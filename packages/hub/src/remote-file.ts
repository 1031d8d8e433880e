/** A file of the hub that is read where it lies: ranges, and streams that go on after a break. */

import { INDEX, NAME } from './arguments.ts';
import { requireKind } from './checks.ts';
import { HubError } from './errors.ts';
import { Patience, request, statusError, unreachable } from './request.ts';
import type { HubSettings } from './settings.ts';

const PROGRESS = 1 << 20;

/**
 * Bytes a stream asks for at once: few at first and then more, so that who wants some rows is not sent the file, and
 * who wants them all asks seldom.
 */
const FIRST_WINDOW = 1 << 18;
const LAST_WINDOW = 1 << 24;

export class RemoteFile {
  readonly name: string;
  readonly #settings: HubSettings;
  readonly #url: string;
  readonly #size: number;
  /** What the server calls the content; all answers must agree. */
  #etag: string | undefined;

  /** @param name As errors and file extensions have it. */
  constructor(settings: HubSettings, url: string, name: string, size: number) {
    requireKind(url, NAME, 'url');
    requireKind(name, NAME, 'name');
    requireKind(size, INDEX, 'size');
    this.#settings = settings;
    this.#url = url;
    this.name = name;
    this.#size = size;
  }

  async size(): Promise<number> {
    return this.#size;
  }

  /** The bytes from `start` up to `end`, by a range request. */
  async read(start: number, end: number): Promise<Uint8Array> {
    requireKind(start, INDEX, 'start');
    requireKind(end, INDEX, 'end');
    const to = Math.min(end, this.#size);
    if (start >= to) return new Uint8Array(0);
    const bytes = new Uint8Array(to - start);
    let done = 0;
    for await (const chunk of this.#stream(start, to)) {
      bytes.set(chunk, done);
      done += chunk.length;
    }
    return bytes;
  }

  /** The bytes from `start` to the end; a break is asked on from where it was. */
  async *stream(start = 0): AsyncGenerator<Uint8Array> {
    let window = FIRST_WINDOW;
    for (let at = start; at < this.#size; window = Math.min(2 * window, LAST_WINDOW)) {
      const end = Math.min(at + window, this.#size);
      yield* this.#stream(at, end);
      at = end;
    }
  }

  async *#stream(start: number, end: number): AsyncGenerator<Uint8Array> {
    const patience = new Patience(this.#settings.retryDelay);
    let at = start;
    while (at < end) {
      const response = await this.#ask(at, end);
      // A server without ranges sends the file from its start.
      let skip = response.status === 206 ? 0 : at;
      const before = at;
      let broken: unknown = new Error(`${end - at} bytes are missing`);
      const body = response.body?.getReader();
      try {
        while (body && at < end) {
          const { value, done } = await body.read();
          if (done) break;
          const wanted = value.subarray(Math.min(skip, value.length)).subarray(0, end - at);
          skip = Math.max(0, skip - value.length);
          if (wanted.length === 0) continue;
          at += wanted.length;
          yield wanted;
        }
      } catch (cause) {
        broken = cause;
      } finally {
        await body?.cancel().catch(() => {}); // broken already, or not wanted any more
      }
      if (at >= end) return;
      if (at - before >= PROGRESS) patience.renew();
      if (!(await patience.after())) throw unreachable(this.name, broken);
    }
  }

  async #ask(start: number, end: number): Promise<Response> {
    const headers = { Range: `bytes=${start}-${end - 1}`, 'Accept-Encoding': 'identity' };
    const response = await request(this.#settings, this.#url, { headers });
    const fail = async (error: HubError) => {
      await response.body?.cancel();
      throw error;
    };
    if (!response.ok) {
      const missing = 'check the name, or load without streaming';
      await fail(statusError(response.status, this.name, { token: this.#settings.token !== undefined, missing }));
    }
    const etag = response.headers.get('ETag') ?? undefined;
    this.#etag ??= etag;
    if (etag !== this.#etag) {
      await fail(new HubError('changed while it was read', this.name, 'load it again, or name a revision'));
    }
    return response;
  }
}
