/** What a hosted service is to the client that asks it: how a request is written and an answer read. */

import type { InputType } from './provider.ts';

export interface HttpRequest {
  url: string;
  headers: Readonly<Record<string, string>>;
  body: string;
  /** The access token in it, told to `renew` when the service calls it expired. */
  token?: string | undefined;
}

export interface HttpReply {
  status: number;
  headers: Headers;
  /** Parsed JSON; a text that is none, as it is. */
  body: unknown;
}

/** @throws Failure where no answer comes. */
export type Send = (request: HttpRequest) => Promise<HttpReply>;

export interface Limits {
  /** Texts a request. */
  texts: number;
  /** Characters a text: Unicode code points. */
  characters?: number | undefined;
  /** What the texts of a request may add up to, by `size`; a text above it goes alone. */
  total?: number | undefined;
  /** A text's share of `total`, never below what the service counts. */
  size?: ((text: string) => number) | undefined;
  /** Whether an empty text is refused. */
  refusesEmpty?: boolean | undefined;
  /** Requests a second of an account without a further agreement. */
  requestsPerSecond?: number | undefined;
}

export interface RequestOptions {
  dimensions: number | undefined;
  inputType: InputType | undefined;
}

export interface Answer {
  /** One a text, in the order of the request. */
  embeddings: Float32Array[];
  tokens: number | undefined;
}

export interface Service {
  readonly name: string;
  readonly model: string;
  readonly limits: Limits;
  /** Values that `dimensions` may have; `any` where the service decides, undefined where it cannot be set. */
  readonly dimensions?: 'any' | readonly number[] | undefined;
  /** What must never be shown, as of now. */
  secrets(): readonly string[];
  /** @param send For requests that come before, as for an access token. */
  request(texts: readonly string[], options: RequestOptions, send: Send): Promise<HttpRequest>;
  /** @throws Failure for an error, also one of HTTP 200, and for an answer that is not one vector a text. */
  read(reply: HttpReply, count: number): Answer;
  /** Forgets an access token that has expired. */
  renew?(token: string | undefined): void;
}
