/** uniem setup: fetches and builds an engine. */

import { z } from 'zod';

import { defineCommand } from '../command.ts';

/** Engines are loaded when asked for: the other commands start without them. */
const ENGINES = {
  native: async () => (await import('@uniem/backend-native')).setupNative,
  tensorflow: async () => {
    const { importOptional } = await import('@uniem/core');
    const load = () => import('@uniem/backend-tensorflow');
    return (await importOptional(load, '@uniem/backend-tensorflow', 'engine tensorflow')).setupTensorflow;
  },
};

export const setup = defineCommand({
  arguments: ['engine'],
  flags: z.strictObject({ engine: z.enum(['native', 'tensorflow']).describe('which engine') }),
  async run({ engine }) {
    const setUp = await ENGINES[engine]();
    await setUp({ log: (line) => process.stderr.write(`${line}\n`) });
  },
});
