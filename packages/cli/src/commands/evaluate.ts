/** uniem evaluate: how good a model is at a task, or at a folder of them. */

import { readdirSync } from 'node:fs';
import { join, parse } from 'node:path';

import { BACKENDS, Embedder, OptionError, PRECISIONS, useEngine, writeFileWhole } from '@uniem/core';
import { Dataset, type DatasetDict, type Row } from '@uniem/data';
import {
  evaluateRetrieval,
  evaluateTask,
  inferTask,
  type Metrics,
  mainMetric,
  type RetrievalTask,
  TASKS,
  type TaskData,
  type TaskName,
} from '@uniem/finetuner';
import { z } from 'zod';

import { type ColumnFlags, columnFlags, withColumns } from '../columns.ts';
import { defineCommand } from '../command.ts';
import { requireFolderOf } from '../files.ts';
import { DatasetLoader, type ReadingFlags, readingFlags } from '../reading.ts';
import { isRetrievalFolder, readRetrievalFolder } from '../retrieval-folder.ts';

interface Report {
  task: TaskName;
  records: number;
  metrics: Metrics;
}

export const evaluate = defineCommand({
  summary: 'measure a model on a task: retrieval, sts, classification and more',
  flags: z.strictObject({
    model: z.string().describe('model folder, or owner/name[@revision] of the hub'),
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
    precision: z.enum(PRECISIONS).default('fp32').describe('arithmetic of matrix products'),
    backend: z.enum(BACKENDS).default('auto').describe('engine to run on'),
  }),
  async run({ model, data, tasks, task, output, precision, backend, ...columns }) {
    if ((data === undefined) === (tasks === undefined)) {
      throw new OptionError('one of the two is needed', '--data, --tasks', 'give either --data or --tasks');
    }
    if (output) requireFolderOf(output);
    const sources = data !== undefined ? [{ name: data, path: data }] : tasksIn(tasks as string);
    const loader = new DatasetLoader(columns, columns.rename);
    const loaded: [name: string, data: TaskData | RetrievalTask][] = [];
    for (const { name, path } of sources) {
      const isRetrieval = isRetrievalFolder(path);
      if (isRetrieval) refuseForFolder(path, task, columns);
      loaded.push([
        name,
        isRetrieval ? await readRetrievalFolder(path, columns.split) : await read(path, columns, loader),
      ]);
    }
    loader.requireAllUsed();
    await useEngine({ backend, precision });
    const embedder = await Embedder.fromPretrained(model);
    const reports = new Map<string, Report>();
    for (const [name, records] of loaded) {
      reports.set(name, await measure(embedder, records, task));
    }
    const [only] = reports.values();
    const content = data !== undefined ? only?.metrics : Object.fromEntries(reports);
    const json = `${JSON.stringify(content, null, 2)}\n`;
    if (output) writeFileWhole(output, json);
    process.stdout.write(data !== undefined ? json : table(reports));
  },
});

async function measure(embedder: Embedder, data: TaskData | RetrievalTask, task?: TaskName): Promise<Report> {
  if ('queries' in data) {
    const metrics = { ...(await evaluateRetrieval(embedder, data)) };
    return { task: 'retrieval', records: data.queries.length, metrics };
  }
  const chosen = task ?? inferTask(data);
  return { task: chosen, records: data.test.length, metrics: await evaluateTask(chosen, embedder, data) };
}

/** @throws OptionError for flags that a folder of queries and documents leaves no room for. */
function refuseForFolder(path: string, task: TaskName | undefined, given: Reading & ReadingFlags): void {
  const { swap, rename, prefix, columns = [], delimiter, encoding, field, labelMap = [] } = given;
  const flags = {
    '--swap': swap,
    '--rename': rename.length > 0,
    '--prefix': prefix.length > 0,
    '--columns': columns.length > 0,
    '--delimiter': delimiter !== undefined,
    '--encoding': encoding !== undefined,
    '--field': field !== undefined,
    '--label-map': labelMap.length > 0,
  };
  const isOther = task !== undefined && task !== 'retrieval';
  const flag = isOther ? `--task ${task}` : Object.entries(flags).find(([, given]) => given)?.[0];
  if (flag) throw new OptionError(`${path} is a retrieval task of queries and a corpus`, flag, 'leave the flag out');
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

type Reading = Pick<ColumnFlags, 'rename' | 'prefix'> & { split?: string | undefined; swap: boolean };

async function read(path: string, { split, swap, ...columns }: Reading, loader: DatasetLoader): Promise<TaskData> {
  const rowsOf = (rows: Dataset) =>
    [...withColumns(rows, columns)].map(
      (row): Row => (swap ? { ...row, text: row.text_pos, text_pos: row.text } : row),
    );
  if (split !== undefined) return { test: rowsOf((await loader.load(path, { split })) as Dataset) };
  const loaded = (await loader.load(path, { withoutTrain: true })) as Dataset | Partial<DatasetDict>;
  if (loaded instanceof Dataset) return { test: rowsOf(loaded) };
  const [first] = Object.values(loaded);
  const test = loaded.test ?? loaded.validation ?? loaded.dev ?? first;
  const { train } = loaded;
  return { test: rowsOf(test as Dataset), train: train && train !== test ? rowsOf(train) : undefined };
}

/** Main metrics in hundredths, and their mean, as MTEB shows them. */
function table(reports: ReadonlyMap<string, Report>): string {
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
