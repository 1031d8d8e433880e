/** README's recipes as they stand, in smaller batches: a tiny model and little data under the names they use. */

import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { HubServer } from '../../../fixtures/hub/server.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const fixture = (name: string) => join(root, 'fixtures', name);
const folder = mkdtempSync(join(tmpdir(), 'uniem-recipes-'));

const block = /## Recipes\n[\s\S]*?```sh\n([\s\S]*?)```/.exec(readFileSync(join(root, 'README.md'), 'utf8'))?.[1] ?? '';
const recipes = [...block.matchAll(/^# (\S+?):.*\n((?:.*\\\n)*.*)\n/gm)].map(
  ([, name, command]): [string, string[]] => [
    name as string,
    (command as string).replaceAll('\\\n', ' ').replace('--batch-size 32', '--batch-size 8').split(/ +/).slice(1),
  ],
);

let hub: HubServer;
beforeAll(async () => {
  hub = await HubServer.start();
  const model = fixture('tiny-bert/model');
  const files = Object.fromEntries(readdirSync(model).map((file) => [file, readFileSync(join(model, file))]));
  for (const name of ['google-bert/bert-base-uncased', 'hfl/chinese-roberta-wwm-ext']) hub.commit(name, files);
  const config = { ...JSON.parse(String(files['config.json'])), uniem_pooling_strategy: 'last_mean' }; // as uniem saves it
  hub.commit('moka-ai/m3e-small', { ...files, 'config.json': JSON.stringify(config) });
  const scored = Array.from({ length: 8 }, (_, i) => ({ sentence1: `a${i}`, sentence2: `b${i}`, label: i % 6 }));
  hub.commit('datasets/shibing624/nli_zh', {
    'STS-B/train.jsonl': lines(scored),
    'STS-B/validation.jsonl': lines(scored),
  });
  const riddles = Array.from({ length: 10 }, (_, i) => ({ instruction: `what has ${i} legs`, output: `animal ${i}` }));
  writeFileSync(join(folder, 'riddle.jsonl'), lines(riddles));
  const medi = Array.from({ length: 40 }, (_, i) => {
    const [query, pos, neg] = [`q${i}`, `p${i}`, `n${i}`].map((text) => ['Represent it:', text]);
    return { query, pos, neg, task_name: i % 3 === 0 ? 'a' : 'b' };
  });
  writeFileSync(join(folder, 'medi-data.json'), JSON.stringify(medi));
  for (const name of ['nli', 'qa']) {
    cpSync(fixture('data/files/task.dataset'), join(folder, 'm3e-datasets', `${name}.dataset`), { recursive: true });
  }
});
afterAll(async () => {
  await hub.stop();
  rmSync(folder, { recursive: true });
});

const lines = (rows: readonly object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

/** Steps of the whole run: 10 riddles; 8 scored pairs; tasks of 14 and 26; two datasets of 25. Three epochs if not one. */
const STEPS: Record<string, number> = {
  'examples/finetune_jsonl.py': 2,
  'examples/finetune_hf_dataset.py': 1,
  'scripts/train_medi.py': 3 * (1 + 3),
  'scripts/train_m3e.py': 3 * (3 + 3),
};

test.each(recipes)('%s', { timeout: 60_000 }, async (name, args) => {
  const output = join(folder, name.replaceAll('/', '-'));
  const env = { ...process.env, HF_ENDPOINT: hub.endpoint, HF_HOME: join(folder, 'hub'), HF_HUB_OFFLINE: '' };
  const command = [join(root, 'packages/cli/bin/uniem.js'), ...args, '--output-dir', output, '--log-interval', '1'];
  const { stdout } = await promisify(execFile)(process.execPath, command, { cwd: folder, env });
  expect(stdout).toBe(`${join(output, 'model')}\n`);
  const metrics = readFileSync(join(output, 'metrics.jsonl'), 'utf8').trim().split('\n');
  expect(metrics.filter((line) => 'lr' in JSON.parse(line))).toHaveLength(STEPS[name] as number);
});

test('there is one for each of uniem’s', () => {
  expect(recipes.map(([name]) => name)).toEqual(Object.keys(STEPS));
});
