/** uniem serve: answers embedding requests over HTTP until it is stopped. */

import { serverOptions } from '@uniem/server/options';

import { defineCommand } from '../command.ts';

export const serve = defineCommand({
  flags: serverOptions,
  async run(flags) {
    const { startServer } = await import('@uniem/server');
    const apiKey = flags.apiKey ?? (process.env.UNIEM_API_KEY || undefined);
    const server = await startServer({ ...flags, apiKey });
    process.stderr.write(`serving ${server.models.join(', ')} on engine ${server.engine} at ${server.url}\n`);
    const signals = ['SIGTERM', 'SIGINT'] as const;
    const failure = await new Promise<Error | undefined>((resolve) => {
      void server.failed.then(resolve);
      for (const signal of signals) {
        process.once(signal, () => {
          process.stderr.write(
            `${signal} received: finishing requests in progress; send it again to stop immediately\n`,
          );
          resolve(undefined); // `once` gives a second signal its own effect back
        });
      }
    });
    await server.close();
    if (failure) throw failure;
  },
});
