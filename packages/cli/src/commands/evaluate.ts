/** uniem evaluate: how good a model, local or hosted, is at a task, or at a folder of them. */

import { readdirSync } from 'node:fs';
import { join, parse } from 'node:path';

import { BACKENDS, OptionError, PRECISIONS, SEARCH_PRECISIONS } from '@uniem/core/names';
import { TASKS } from '@uniem/finetuner/names';
import { costOf, PROVIDERS } from '@uniem/providers';
import { z } from 'zod';

import { defineCommand } from '../command.ts';
import { columnFlags, memoryFlag, modelFlags, readingFlags } from '../data-flags.ts';
import type { Measured, TaskRecords } from '../evaluation.ts';
import { baseUrlFlag, dimensionsFlag, openHosted, refuseFlags, requestFlags } from '../provider-flags.ts';

export const evaluate = defineCommand({
  flags: z.strictObject({
    ...modelFlags,
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
    ...readingFlags,
    rename: columnFlags.rename,
    prefix: columnFlags.prefix,
    swap: z.boolean().default(false).describe('text and text_pos change places: text finds text_pos'),
    output: z.string().optional().describe('also write the metrics to this JSON file'),
    outputPrecision: z
      .enum(['float32', ...SEARCH_PRECISIONS])
      .default('float32')
      .describe(
        'of retrieval: documents are searched as these codes, as encode writes them, and the candidates found scored again',
      ),
    rescoreMultiplier: z
      .int()
      .positive()
      .default(2)
      .describe('how many times as many candidates are scored again as the metrics look at'),
    memory: memoryFlag,
    precision: z.enum(PRECISIONS).default('fp32').describe('arithmetic of matrix products'),
    backend: z.enum(BACKENDS).default('auto').describe('engine to run on'),
    ...requestFlags,
  }),
  async run({
    model,
    baseModel,
    provider: name,
    baseUrl,
    dimensions,
    data,
    tasks,
    task,
    output,
    outputPrecision,
    rescoreMultiplier,
    memory,
    precision,
    backend,
    ...rest
  }) {
    if ((data === undefined) === (tasks === undefined)) {
      throw new OptionError('one of the two is needed', '--data, --tasks', 'give either --data or --tasks');
    }
    const { Embedder, useEngine, writeFileWhole } = await import('@uniem/core');
    const { measure, readTask } = await import('../evaluation.ts');
    const { requireFolderOf } = await import('../files.ts');
    const { ProviderEncoder } = await import('../provider-encoder.ts');
    const { DatasetLoader } = await import('../reading.ts');
    const openLocal = async () => {
      await useEngine({ backend });
      return Embedder.fromPretrained(model, { baseModel, precision });
    };
    if (output) requireFolderOf(output);
    const isHosted = name !== undefined;
    refuseFlags(
      isHosted
        ? {
            '--base-model': baseModel !== undefined,
            '--precision': precision !== 'fp32',
            '--backend': backend !== 'auto',
          }
        : { '--base-url': baseUrl !== undefined, '--dimensions': dimensions !== undefined },
      isHosted ? 'does not apply with --provider' : 'needs --provider',
    );
    const { split, swap, rename, prefix, columns, delimiter, encoding, field, labelMap, ...request } = rest;
    const reading = { columns, delimiter, encoding, field, labelMap };
    const hosted = isHosted ? new ProviderEncoder(openHosted(name, model, baseUrl, request), dimensions) : undefined;
    const sources = data !== undefined ? [{ name: data, path: data }] : tasksIn(tasks as string);
    const loader = new DatasetLoader(reading, rename);
    const loaded: [name: string, data: TaskRecords][] = [];
    for (const { name: title, path } of sources) {
      loaded.push([title, await readTask(path, { task, split, swap, rename, prefix, ...reading }, loader)]);
    }
    loader.requireAllUsed();
    const quantization =
      outputPrecision === 'float32' ? undefined : { precision: outputPrecision, multiplier: rescoreMultiplier };
    const options = { memory: memory * 2 ** 20, progressBar: 'auto', quantization } as const;
    const encoder = hosted ?? (await openLocal());
    const reports = new Map<string, Measured>();
    for (const [title, records] of loaded) {
      reports.set(title, await measure(encoder, records, options, task));
    }
    if (hosted) {
      const { texts, tokens } = hosted;
      process.stderr.write(`${texts} texts; ${costOf(name as string, model, tokens)}\n`);
    }
    const [only] = reports.values();
    const content = data !== undefined ? only?.metrics : Object.fromEntries(reports);
    const json = `${JSON.stringify(content, null, 2)}\n`;
    if (output) writeFileWhole(output, json);
    process.stdout.write(data !== undefined ? json : await table(reports));
  },
});

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
async function table(reports: ReadonlyMap<string, Measured>): Promise<string> {
  const { mainMetric } = await import('@uniem/finetuner');
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
