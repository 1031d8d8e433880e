/** Runs an ONNX file in onnxruntime-node, where that is installed, on texts that are padded on one side. */

import type { InferenceSession, Tensor } from 'onnxruntime-node';

/** How the package describes itself; loaded when it is needed, since it is 100 MB that not everyone wants. */
type Runtime = typeof import('onnxruntime-node');

/** @returns undefined where the package is not installed. */
export async function loadRuntime(): Promise<Runtime | undefined> {
  try {
    const loaded = (await import('onnxruntime-node')) as Runtime & { default?: Runtime };
    return loaded.default ?? loaded;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND') return undefined;
    throw cause;
  }
}

/** Both float32, row-major. */
export interface OnnxOutputs {
  /** [B, S, H], and of each text where its first token is. */
  lastHiddenState: Float32Array;
  /** [B, values] */
  sentenceEmbedding: Float32Array;
  /** S */
  length: number;
}

export class OnnxSession {
  readonly #runtime: Runtime;
  readonly #session: InferenceSession;

  private constructor(runtime: Runtime, session: InferenceSession) {
    this.#runtime = runtime;
    this.#session = session;
  }

  static async open(runtime: Runtime, path: string): Promise<OnnxSession> {
    return new OnnxSession(runtime, await runtime.InferenceSession.create(path, { logSeverityLevel: 3 }));
  }

  /** @param padding Which side of shorter texts is filled, with token 0. */
  async run(texts: readonly ArrayLike<number>[], padding: 'left' | 'right' = 'right'): Promise<OnnxOutputs> {
    const S = Math.max(...texts.map(({ length }) => length));
    const ids = new BigInt64Array(texts.length * S);
    const mask = new BigInt64Array(ids.length);
    texts.forEach((text, b) => {
      const start = b * S + (padding === 'left' ? S - text.length : 0);
      ids.set(Array.from(text, BigInt), start);
      mask.fill(1n, start, start + text.length);
    });
    const filled: Record<string, BigInt64Array> = { input_ids: ids, attention_mask: mask };
    const feeds: Record<string, Tensor> = {};
    for (const name of this.#session.inputNames) {
      feeds[name] = new this.#runtime.Tensor('int64', filled[name] ?? new BigInt64Array(ids.length), [texts.length, S]);
    }
    const results = await this.#session.run(feeds);
    const values = (name: string) => (results[name] as Tensor).data as Float32Array;
    return {
      lastHiddenState: values('last_hidden_state'),
      sentenceEmbedding: values('sentence_embedding'),
      length: S,
    };
  }

  async close(): Promise<void> {
    await this.#session.release();
  }
}
