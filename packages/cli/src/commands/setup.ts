/** uniem setup: fetches and builds an engine. */

import { setupNative } from '@uniem/backend-native';
import { setupTensorflow } from '@uniem/backend-tensorflow';
import { z } from 'zod';

import { defineCommand } from '../command.ts';

const ENGINES = { native: setupNative, tensorflow: setupTensorflow };

export const setup = defineCommand({
  summary: 'fetch and build an engine (once): uniem setup native|tensorflow',
  argument: 'engine',
  flags: z.strictObject({ engine: z.enum(['native', 'tensorflow']).describe('which engine') }),
  async run({ engine }) {
    await ENGINES[engine]({ log: (line) => process.stderr.write(`${line}\n`) });
  },
});
