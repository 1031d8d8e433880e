/** uniem setup: fetches and builds the engine. */

import { setupTensorflow } from '@uniem/backend-tensorflow';
import { z } from 'zod';

import { defineCommand } from '../command.ts';

export const setup = defineCommand({
  summary: 'fetch and build the TensorFlow engine (once)',
  flags: z.strictObject({}),
  async run() {
    await setupTensorflow({ log: (line) => process.stderr.write(`${line}\n`) });
  },
});
