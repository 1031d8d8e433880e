/** uniem push: a saved model to a repository on the Hugging Face hub. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { OptionError } from '@uniem/core/names';
import { z } from 'zod';

import { defineCommand } from '../command.ts';

/** One of them is in every folder that a model can be opened from. */
const MODEL_FILES = ['config.json', 'modules.json', 'adapter_config.json'];

export const push = defineCommand({
  arguments: ['folder', 'repository'],
  flags: z.strictObject({
    folder: z.string().describe('folder of a saved model; all of its files are uploaded'),
    repository: z.string().describe('owner/name on the hub; created if it does not exist'),
    private: z.boolean().optional().describe("create a private repository; the owner's default if left out"),
    message: z.string().default('Upload model with uniem').describe('commit message'),
    revision: z.string().default('main').describe('branch; created from main if it does not exist'),
  }),
  async run({ folder, repository, ...options }) {
    const { parseHubName, pushFolder } = await import('@uniem/hub');
    const name = parseHubName(repository);
    if (!name || name.revision !== undefined || name.configuration !== undefined) {
      throw new OptionError(`not a repository name (${repository})`, '--repository', 'use owner/name');
    }
    if (!MODEL_FILES.some((file) => existsSync(join(folder, file)))) {
      const nested = existsSync(join(folder, 'model', 'modules.json'))
        ? join(folder, 'model')
        : 'the folder of a saved model';
      throw new OptionError(`holds no model (none of ${MODEL_FILES.join(', ')})`, folder, `push ${nested}`);
    }
    const log = (line: string) => process.stderr.write(`${line}\n`);
    const { url } = await pushFolder(folder, { name: name.name, ...options, log });
    process.stdout.write(`${url}\n`);
  },
});
