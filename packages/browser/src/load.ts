/** Fetches what `uniem export --format tfjs` wrote. */

import { loadGraphModel } from '@tensorflow/tfjs-converter';
import * as tf from '@tensorflow/tfjs-core';
import { EngineError, ModelError, Tokenizer } from '@uniem/core/browser';

import { TextEmbedder } from './embedder.ts';
import { readSettings } from './settings.ts';

export interface LoadOptions {
  /** Called with the part of the weights that has arrived, from 0 to 1. */
  onProgress?: (fraction: number) => void;
  /** Passed on to each `fetch`, as credentials or headers. */
  requestInit?: RequestInit;
}

const FIX = 'serve the whole folder that `uniem export --format tfjs` wrote, and give its URL';

/**
 * Loads a model from the folder's URL, such as `/models/minilm/`; relative ones are the page's.
 *
 * @throws ModelError for a file that cannot be fetched or read; EngineError where no TF.js backend was imported.
 */
export async function load(url: string | URL, options: LoadOptions = {}): Promise<TextEmbedder> {
  const { onProgress, requestInit } = options;
  await requireBackend();
  const folder = folderUrl(url);
  const tokenizerUrl = new URL('tokenizer.json', folder).href;
  const modelUrl = new URL('model.json', folder).href;
  const [json, model] = await Promise.all([
    fetchJson(tokenizerUrl, requestInit),
    loadGraphModel(modelUrl, { ...(onProgress && { onProgress }), ...(requestInit && { requestInit }) }).catch(
      (cause: Error) => {
        throw new ModelError(cause.message, modelUrl, FIX, { cause });
      },
    ),
  ]);
  try {
    const settings = readSettings(model.metadata, modelUrl);
    const { lowerCase, addSpecialTokens } = settings;
    const tokenizer = Tokenizer.fromJson(json, {}, tokenizerUrl, { lowerCase, addSpecialTokens });
    return new TextEmbedder(model, tokenizer, settings);
  } catch (error) {
    model.dispose();
    throw error;
  }
}

async function requireBackend(): Promise<void> {
  try {
    await tf.ready();
  } catch (cause) {
    throw new EngineError(
      `no backend could be started (${(cause as Error).message})`,
      'TF.js',
      "import '@tensorflow/tfjs-backend-webgl', -wasm or -cpu before loading a model",
      { cause },
    );
  }
}

function folderUrl(url: string | URL): URL {
  const { href } = new URL(url, (globalThis as { location?: Location }).location?.href);
  return new URL(href.endsWith('/') ? href : `${href}/`);
}

async function fetchJson(url: string, init: RequestInit | undefined): Promise<Record<string, unknown>> {
  try {
    const response = await fetch(url, init);
    if (!response.ok) throw new Error(`the server answers ${response.status} ${response.statusText}`.trim());
    return (await response.json()) as Record<string, unknown>;
  } catch (cause) {
    throw new ModelError((cause as Error).message, url, FIX, { cause });
  }
}
