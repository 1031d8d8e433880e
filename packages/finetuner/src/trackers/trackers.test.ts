/**
 * Trackers beside what reads them: Python's tensorboard and wandb (generate.py in fixtures/tensorboard and fixtures/wandb),
 * an MLflow server of ours.
 */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, afterEach, expect, test, vi } from 'vitest';

import { FineTuner } from '../run/finetuner.ts';
import type { TrackerName } from './index.ts';
import { eventRecord } from './tensorboard.ts';
import { exitRecord, headerRecord, historyRecord, runRecord, summaryRecord, WandbLog } from './wandb.ts';

const model = fileURLToPath(new URL('../../../../fixtures/tiny-bert/model', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'uniem-trackers-'));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => vi.unstubAllEnvs());

const rows = Array.from({ length: 8 }, (_, i) => ({ text: `cat ${i}`, text_pos: `dog ${i}` }));

async function run(name: string, logWith: TrackerName[]) {
  const fineTuner = await FineTuner.fromPretrained(model, {
    dataset: { train: rows, validation: rows },
    backend: 'native',
  });
  const outputDir = join(folder, name);
  return fineTuner.run({ outputDir, batchSize: 4, epochs: 1, lr: 1e-3, logInterval: 1, logWith });
}

test("events are Python's, byte for byte", () => {
  const path = new URL('../../../../fixtures/tensorboard/expected.json', import.meta.url);
  const expected = JSON.parse(readFileSync(path, 'utf8')) as string[];
  const actual = [
    eventRecord(1.5, { version: 'brain.Event:2' }),
    eventRecord(1795478400.25, { step: 1, tag: 'loss', value: 0.25 }),
    eventRecord(1795478401, { step: 70000, tag: 'validationLoss', value: -1.1 }),
    eventRecord(1795478402, { startsAt: 41 }),
  ];
  expect(actual.map((bytes) => bytes.toString('base64'))).toEqual(expected);
});

test('a run writes one event file with its metrics', async () => {
  await run('tensorboard', ['tensorboard']);
  const [file, ...more] = readdirSync(join(folder, 'tensorboard', 'tensorboard'));
  expect(more).toEqual([]);
  expect(file).toMatch(/^events\.out\.tfevents\.\d+\./);
  const content = readFileSync(join(folder, 'tensorboard', 'tensorboard', file as string), 'latin1');
  for (const tag of ['loss', 'lr', 'recordsPerSecond', 'trainLoss', 'validationLoss']) expect(content).toContain(tag);
});

test("a Weights & Biases file is wandb's own, byte for byte, over several blocks", () => {
  const expected = JSON.parse(
    readFileSync(new URL('../../../../fixtures/wandb/expected.json', import.meta.url), 'utf8'),
  );
  const path = join(folder, 'run-abc12345.wandb');
  const log = new WandbLog(path);
  const config = { lr: 1e-3, logWith: ['wandb'], left: undefined, long: 'ü'.repeat(20000) };
  log.write(headerRecord('uniem', '0.70.0'));
  log.write(runRecord('abc12345', 'uniem', config, 1795486352.25, false));
  for (const [step, values] of [
    [0, { 'retrieval/ndcg@10': 0.5 }],
    [70000, { loss: 0.25, lr: 1e-5 }],
  ] as const) {
    log.write(summaryRecord(values));
    log.write(historyRecord(values, step));
  }
  log.write(exitRecord(0));
  expect(readFileSync(path).toString('base64')).toBe(expected.file);
  expect(runRecord('abc12345', 'uniem', {}, 1795486352, true).toString('base64')).toBe(expected.resumed);
});

test('a run leaves a folder for wandb sync, with a row a step', async () => {
  await run('wandb', ['wandb']);
  const [name, ...more] = readdirSync(join(folder, 'wandb', 'wandb'));
  expect(more).toEqual([]);
  const [, id] = /^offline-run-\d{8}_\d{6}-(\w{8})$/.exec(name as string) ?? [];
  const content = readFileSync(join(folder, 'wandb', 'wandb', name as string, `run-${id}.wandb`), 'latin1');
  for (const key of ['loss', 'trainLoss', 'validationLoss', 'retrieval/ndcg@10']) expect(content).toContain(key);
  expect(content.split('_step').length - 1).toBe(2 * 3); // summary and history of steps 0, 1 and 2
});

interface Asked {
  url: string;
  body: Record<string, unknown>;
}

async function mlflow(answer: (url: string) => number): Promise<{ server: Server; asked: Asked[]; address: string }> {
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    const url = request.url as string;
    asked.push({ url, body: text ? JSON.parse(text) : {} });
    response.statusCode = answer(url);
    const experiment = { experiment_id: '7' };
    response.end(JSON.stringify({ ...experiment, experiment, run: { info: { run_id: 'r1' } } }));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return { server, asked, address: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

test('MLflow gets the options, the metrics by step, and the end', async () => {
  const { server, asked, address } = await mlflow((url) => (url.includes('get-by-name') ? 404 : 200));
  vi.stubEnv('MLFLOW_TRACKING_URI', address);
  await run('mlflow', ['mlflow']);
  server.close();
  const paths = asked.map(({ url }) => url.replace('/api/2.0/mlflow/', ''));
  expect(paths.slice(0, 4)).toEqual([
    'experiments/get-by-name?experiment_name=uniem',
    'experiments/create',
    'runs/create',
    'runs/log-batch',
  ]);
  expect(asked[2]?.body).toMatchObject({ experiment_id: '7' });
  expect(asked[3]?.body.params).toContainEqual({ key: 'batchSize', value: '4' });
  const metrics = asked.flatMap(({ body }) => (body.metrics as { key: string; step: number }[]) ?? []);
  expect(metrics.filter(({ key }) => key === 'loss').map(({ step }) => step)).toEqual([1, 2]);
  expect(metrics.map(({ key }) => key)).toContain('validationLoss');
  expect([paths.at(-1), asked.at(-1)?.body]).toEqual(['runs/update', expect.objectContaining({ status: 'FINISHED' })]);
});

test('a run that goes on is the same run to every tracker', async () => {
  const { server, asked, address } = await mlflow(() => 200);
  vi.stubEnv('MLFLOW_TRACKING_URI', address);
  const outputDir = join(folder, 'resumed');
  const go = async (options: object, hooks = {}) => {
    const fineTuner = await FineTuner.fromPretrained(model, { dataset: rows, backend: 'native' });
    const all = { outputDir, batchSize: 4, epochs: 1, logInterval: 1, lr: 1e-3, ...options };
    return fineTuner.run({ ...all, logWith: ['mlflow', 'tensorboard', 'wandb'] }, hooks);
  };
  const controller = new AbortController();
  await go({}, { signal: controller.signal, onStep: () => controller.abort() });
  await go({ resume: true });
  const fails = async () => {
    throw new Error('mine');
  };
  await expect(go({}, { onStep: fails })).rejects.toThrow('mine');
  server.close();
  const updates = asked.filter(({ url }) => url.endsWith('runs/update')).map(({ body }) => body);
  expect(updates.map(({ status }) => status)).toEqual(['KILLED', 'RUNNING', 'FINISHED', 'FAILED']);
  expect(asked.filter(({ url }) => url.endsWith('runs/create'))).toHaveLength(2);
  const ids = readdirSync(join(outputDir, 'wandb'))
    .sort()
    .map((name) => name.split('-').at(-1));
  expect(ids).toHaveLength(3);
  expect(new Set(ids).size).toBe(2);
  const starts = readdirSync(join(outputDir, 'tensorboard')).map(
    (name) => readFileSync(join(outputDir, 'tensorboard', name)).includes(Buffer.from([0x10, 2, 0x3a, 2, 8, 1])), // step 2, START
  );
  expect(starts.filter(Boolean)).toHaveLength(1);
});

test('a server that fails is named once, and the run goes on', async () => {
  const { server, address } = await mlflow((url) => (url.includes('log-batch') ? 500 : 200));
  vi.stubEnv('MLFLOW_TRACKING_URI', address);
  const written: string[] = [];
  const stderr = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    written.push(String(text));
    return true;
  });
  const { steps } = await run('down', ['mlflow', 'tensorboard']);
  stderr.mockRestore();
  server.close();
  expect(steps).toBe(2);
  expect(written.filter((text) => text.includes('tracker'))).toEqual([
    expect.stringMatching(
      /^warning: tracker mlflow failed, and the run goes on without it: http.*log-batch answers 500/,
    ),
  ]);
  expect(readdirSync(join(folder, 'down', 'tensorboard'))).toHaveLength(1);
});

test('without an address MLflow is refused before training', async () => {
  vi.stubEnv('MLFLOW_TRACKING_URI', '');
  await expect(run('none', ['mlflow'])).rejects.toThrow(
    'logWith mlflow: MLFLOW_TRACKING_URI is not set\n  fix: set it to the address of a tracking server',
  );
});
