/** What a request is refused with, in the shape that the route's clients know. */

/** Why, by what the caller can do; also a label of the metrics. */
export type Refusal =
  | 'invalid'
  | 'unauthorized'
  | 'not_found'
  | 'method'
  | 'too_large'
  | 'media_type'
  | 'overloaded'
  | 'timeout'
  | 'unavailable'
  | 'cancelled'
  | 'internal';

const STATUS = {
  invalid: 400,
  unauthorized: 401,
  not_found: 404,
  method: 405,
  too_large: 413,
  media_type: 415,
  overloaded: 429,
  cancelled: 499, // nginx's: nobody reads it, the log and the metrics do
  internal: 500,
  unavailable: 503,
  timeout: 503,
} as const satisfies Record<Refusal, number>;

/** OpenAI's `type`. */
const OPENAI_TYPE: Partial<Record<Refusal, string>> = {
  overloaded: 'rate_limit_exceeded',
  internal: 'server_error',
  unavailable: 'server_error',
  timeout: 'server_error',
};

/** TEI's `error_type`. */
const TEI_TYPE: Partial<Record<Refusal, string>> = {
  overloaded: 'Overloaded',
  internal: 'Backend',
  unavailable: 'Unhealthy',
  timeout: 'Overloaded',
};

interface Details {
  /** The field of the request that is wrong. */
  param?: string | undefined;
  /** OpenAI's code. */
  code?: string | undefined;
  /** Seconds until another try makes sense. */
  retryAfter?: number | undefined;
  cause?: unknown;
}

export class RequestError extends Error {
  readonly refusal: Refusal;
  readonly details: Details;

  /** @param message What is wrong with the value received, and what to do, on one line. */
  constructor(refusal: Refusal, message: string, details: Details = {}) {
    super(message, { cause: details.cause });
    this.name = 'RequestError';
    this.refusal = refusal;
    this.details = details;
  }

  get status(): (typeof STATUS)[Refusal] {
    return STATUS[this.refusal];
  }

  /** As OpenAI's. */
  openAiBody(): object {
    const { param = null, code = null } = this.details;
    return {
      error: { message: this.message, type: OPENAI_TYPE[this.refusal] ?? 'invalid_request_error', param, code },
    };
  }

  /** As text-embeddings-inference's. */
  teiBody(): object {
    return { error: this.message, error_type: TEI_TYPE[this.refusal] ?? 'Validation' };
  }
}
