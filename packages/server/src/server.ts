/** A running server: models loaded and warm, listening; closing it drains. */

import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { createAdaptorServer } from '@hono/node-server';
import { OptionError } from '@uniem/core';

import { createApp } from './app.ts';
import { Metrics } from './metrics.ts';
import { Models } from './models/models.ts';
import { type ResolvedServerOptions, type ServerOptions, serverOptions } from './options.ts';

export interface RunningServer {
  /** As `http://127.0.0.1:8080`. */
  url: string;
  /** The engine and the names of the models. */
  engine: string;
  models: string[];
  /** Resolves with the reason when the engine ends by itself: nothing can be answered any more. */
  failed: Promise<Error>;
  /** Answers what has arrived, refuses what comes, and ends. */
  close(): Promise<void>;
}

/**
 * Loads the models on a thread of their own, warms them up, and then listens.
 *
 * @throws OptionError for an option or address that cannot be used; ModelError, EngineError and HubError as core has them.
 */
export async function startServer(given: ServerOptions): Promise<RunningServer> {
  const options = resolved(given);
  const metrics = new Metrics();
  const models = await Models.load(options, metrics);
  const { batcher, engine } = models;
  metrics.gauge('uniem_queue_texts', 'Queued texts.', () => batcher.waiting.texts);
  metrics.gauge('uniem_queue_tokens', 'Queued tokens.', () => batcher.waiting.tokens);
  metrics.gauge('process_resident_memory_bytes', 'Resident memory in bytes.', () => process.memoryUsage.rss());
  let unavailable: string | undefined;
  void engine.failed.then(({ message }) => {
    unavailable ??= message;
  });
  const app = createApp({ options, models, metrics, unavailable: () => unavailable });
  const server = createAdaptorServer({ fetch: app.fetch, overrideGlobalObjects: false }) as Server;
  try {
    await listen(server, options.host, options.port);
  } catch (error) {
    await models.close();
    throw error;
  }
  const { port } = server.address() as AddressInfo;
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  return {
    url: `http://${host}:${port}`,
    engine: engine.name,
    models: models.all.map(({ name }) => name),
    failed: engine.failed,
    async close() {
      unavailable ??= 'the server is shutting down';
      // A connection that never finishes its request is no reason to stay.
      const late = setTimeout(() => server.closeAllConnections(), options.timeout * 1000);
      await new Promise<void>((resolve) => server.close(() => resolve()));
      clearTimeout(late);
      await models.close();
    },
  };
}

function resolved(given: ServerOptions): ResolvedServerOptions {
  const result = serverOptions.safeParse(given);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new OptionError(
    `${issue?.message}`,
    issue?.path.join('.') || 'server',
    'see the options of `uniem serve --help`',
  );
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const fixes: Record<string, string> = {
        EADDRINUSE: 'choose another --port, or stop the process that uses it',
        EACCES: 'choose a --port above 1023',
      };
      const fix = fixes[cause.code ?? ''] ?? 'bind to an address of this machine';
      reject(new OptionError(`cannot listen (${cause.message})`, `${host}:${port}`, fix, { cause }));
    });
    server.listen(port, host, resolve);
  });
}
