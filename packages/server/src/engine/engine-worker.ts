/** The engine's thread: loads the models, warms them up, and embeds one batch after the other. */

import { parentPort, workerData } from 'node:worker_threads';

import { Embedder, packTokens, useEngine } from '@uniem/core';

import type { EngineAnswer, EngineBatch, EngineStart, EngineStarted } from './engine.ts';

const port = parentPort;
if (!port) throw new Error('internal: not a worker thread');

const started = await start(workerData as EngineStart);
port.postMessage(started.message);
if (started.message.error) port.close();

port.on('message', async ({ number, model, batch, skip }: EngineBatch) => {
  let answer: EngineAnswer;
  try {
    const embedder = started.embedders[model] as Embedder;
    // Whole vectors: each request cuts and normalizes its own.
    const values = await embedder.encodeTokens(batch, { skip, truncateDim: embedder.dimension });
    answer = { number, values: values.slice() }; // the engine's own memory is not ours to transfer
  } catch (error) {
    answer = { number, error: plain(error) };
  }
  port.postMessage(answer, answer.values ? [answer.values.buffer as ArrayBuffer] : []);
});

async function start({ folders, backend, precision }: EngineStart): Promise<{
  message: EngineStarted;
  embedders: Embedder[];
}> {
  const embedders: Embedder[] = [];
  try {
    const engine = await useEngine({ backend });
    for (const folder of folders) {
      const embedder = await Embedder.fromPretrained(folder, { precision });
      // The first batch costs more than the others: kernels are made for their shapes.
      await embedder.encodeTokens(packTokens(embedder.tokenize(['warm up', 'a text']).ids));
      embedders.push(embedder);
    }
    return { message: { engine }, embedders };
  } catch (error) {
    return { message: { error: plain(error) }, embedders };
  }
}

/** An error of a class of ours arrives on the other side as a plain one. */
function plain(error: unknown): { name: string; message: string } {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  return { name, message };
}
