/** uniem evaluate: how good a model, local or hosted, is at a task, or at a folder of them. */

import { readdirSync } from 'node:fs';
import { join, parse } from 'node:path';

import {
  BACKENDS,
  type Backend,
  Embedder,
  OptionError,
  PRECISIONS,
  type Precision,
  useEngine,
  writeFileWhole,
} from '@uniem/core';
import { mainMetric, TASKS } from '@uniem/finetuner';
import { costOf, PROVIDERS } from '@uniem/providers';
import { z } from 'zod';

import { columnFlags } from '../columns.ts';
import { defineCommand } from '../command.ts';
import { type Measured, measure, readTask, type TaskRecords } from '../evaluation.ts';
import { requireFolderOf } from '../files.ts';
import { ProviderEncoder } from '../provider-encoder.ts';
import { baseUrlFlag, dimensionsFlag, openHosted, refuseFlags, requestFlags } from '../provider-flags.ts';

export const evaluate = defineCommand({
  summary: 'measure a model on a task: retrieval, sts, classification and more',
  flags: z.strictObject({
    model: z
      .string()
      .describe('model folder, or owner/name[@revision] of the hub; with --provider, the name of a hosted model'),
    provider: z.enum(PROVIDERS).optional().describe('evaluate a hosted model'),
    baseUrl: baseUrlFlag,
    dimensions: dimensionsFlag,
    data: z
      .string()
      .optional()
      .describe(
        'records of one task: a file, a folder with train and test or of BEIR (corpus.jsonl, queries.jsonl, qrels), or of the hub',
      ),
    tasks: z.string().optional().describe('folder of tasks, each a file or such a folder; prints a table'),
    task: z.enum(TASKS).optional().describe("found by the fields of --data's records if left out"),
    split: z.string().optional().describe('split to measure on; test, validation or dev if left out'),
    rename: columnFlags.rename,
    prefix: columnFlags.prefix,
    swap: z.boolean().default(false).describe('text and text_pos change places: text finds text_pos'),
    output: z.string().optional().describe('also write the metrics to this JSON file'),
    precision: z.enum(PRECISIONS).default('fp32').describe('arithmetic of matrix products'),
    backend: z.enum(BACKENDS).default('auto').describe('engine to run on'),
    ...requestFlags,
  }),
  async run({ model, provider: name, baseUrl, dimensions, data, tasks, task, output, precision, backend, ...rest }) {
    if ((data === undefined) === (tasks === undefined)) {
      throw new OptionError('one of the two is needed', '--data, --tasks', 'give either --data or --tasks');
    }
    if (output) requireFolderOf(output);
    const isHosted = name !== undefined;
    refuseFlags(
      isHosted
        ? { '--precision': precision !== 'fp32', '--backend': backend !== 'auto' }
        : { '--base-url': baseUrl !== undefined, '--dimensions': dimensions !== undefined },
      isHosted ? 'does not apply with --provider' : 'needs --provider',
    );
    const { split, swap, rename, prefix, ...request } = rest;
    const hosted = isHosted ? new ProviderEncoder(openHosted(name, model, baseUrl, request), dimensions) : undefined;
    const sources = data !== undefined ? [{ name: data, path: data }] : tasksIn(tasks as string);
    const loaded: [name: string, data: TaskRecords][] = [];
    for (const { name: title, path } of sources) {
      loaded.push([title, await readTask(path, { task, split, swap, rename, prefix })]);
    }
    const encoder = hosted ?? (await localModel(model, backend, precision));
    const reports = new Map<string, Measured>();
    for (const [title, records] of loaded) {
      reports.set(title, await measure(encoder, records, task));
    }
    if (hosted) {
      const { texts, tokens } = hosted;
      process.stderr.write(`${texts} texts; ${costOf(name as string, model, tokens)}\n`);
    }
    const [only] = reports.values();
    const content = data !== undefined ? only?.metrics : Object.fromEntries(reports);
    const json = `${JSON.stringify(content, null, 2)}\n`;
    if (output) writeFileWhole(output, json);
    process.stdout.write(data !== undefined ? json : table(reports));
  },
});

async function localModel(model: string, backend: Backend, precision: Precision): Promise<Embedder> {
  await useEngine({ backend });
  return Embedder.fromPretrained(model, { precision });
}

/** The files and folders in a folder, but hidden ones. */
function tasksIn(folder: string): { name: string; path: string }[] {
  let entries: string[];
  try {
    entries = readdirSync(folder).sort();
  } catch (cause) {
    throw new OptionError(`no such folder ${folder}`, '--tasks', 'give a folder of tasks', { cause });
  }
  const found = entries.filter((entry) => !entry.startsWith('.'));
  if (found.length === 0) throw new OptionError(`${folder} is empty`, '--tasks', 'give a folder of tasks');
  return found.map((entry) => ({ name: parse(entry.replace(/\.gz$/, '')).name, path: join(folder, entry) }));
}

/** Main metrics in hundredths, and their mean, as MTEB shows them. */
function table(reports: ReadonlyMap<string, Measured>): string {
  const rows = [...reports].map(([name, { task, metrics }]) => {
    const metric = mainMetric(task);
    return { name, task: task as string, metric, value: 100 * (metrics[metric] as number) };
  });
  const mean = rows.reduce((sum, { value }) => sum + value, 0) / rows.length;
  const all = [...rows, { name: 'mean', task: '', metric: '', value: mean }];
  const width = (key: 'name' | 'task' | 'metric') => Math.max(...all.map((row) => row[key].length));
  return all
    .map(({ name, task, metric, value }) =>
      [
        name.padEnd(width('name')),
        task.padEnd(width('task')),
        metric.padEnd(width('metric')),
        value.toFixed(2).padStart(6),
      ].join('  '),
    )
    .join('\n')
    .concat('\n');
}
