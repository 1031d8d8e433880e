/** uniem push against the hub of fixtures/hub/server.ts. */

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { HubServer } from '../../../fixtures/hub/server.ts';

const bin = fileURLToPath(new URL('../bin/uniem.js', import.meta.url));
const model = fileURLToPath(new URL('../../../fixtures/tiny-bert/model', import.meta.url));
const home = mkdtempSync(join(tmpdir(), 'uniem-push-'));
let hub: HubServer;

beforeAll(async () => {
  hub = await HubServer.start();
});
afterAll(async () => {
  await hub.stop();
  rmSync(home, { recursive: true });
});

function uniem(args: string[], token?: string): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const { HF_TOKEN: _, ...inherited } = process.env;
  const env = { ...inherited, HF_ENDPOINT: hub.endpoint, HF_HOME: home, ...(token ? { HF_TOKEN: token } : {}) };
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [bin, 'push', ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const output = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].on('data', (text) => {
        output[name] += text;
      });
    }
    child.on('close', (code) => resolve({ code, ...output }));
  });
}

describe('uniem push', () => {
  test('uploads a model with the token of the environment, and prints its page', async () => {
    const { code, stdout, stderr } = await uniem([model, 'me/tiny', '--private', '--message', 'Tiny'], 'secret-token');
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${hub.endpoint}/me/tiny\n` });
    const repo = hub.repository('me/tiny');
    const files = repo?.commits.get(repo.refs.get('main') as string);
    expect([...(files?.keys() ?? [])]).toEqual(expect.arrayContaining(['config.json', 'model.safetensors']));
    expect(repo?.isPrivate).toBe(true);
    expect([...(repo?.summaries?.values() ?? [])]).toEqual(['Tiny']);
    expect(stderr).toContain(`created private repository ${hub.endpoint}/me/tiny\n`);
    expect(stderr).not.toContain('secret-token');
  });

  test('takes the token that `hf auth login` wrote', async () => {
    writeFileSync(join(home, 'token'), 'file-token\n');
    hub.forget();
    const { code } = await uniem([model, 'me/other', '--revision', 'v2']);
    expect(code).toBe(0);
    expect(hub.asked.find(({ host }) => host === 'hub')?.authorization).toBe('Bearer file-token');
    expect(hub.repository('me/other')?.refs.has('v2')).toBe(true);
    rmSync(join(home, 'token'));
  });

  test.each([
    [
      [model, 'me/third'],
      'HubError: me/third: a push needs a token\n  fix: set HF_TOKEN to a token that may write to it',
    ],
    [[model, 'nobody'], 'OptionError: --repository: not a repository name (nobody)\n  fix: use owner/name\n'],
    [[model, 'me/a@v1'], 'OptionError: --repository: not a repository name (me/a@v1)\n  fix: use owner/name\n'],
    [[home, 'me/a'], `OptionError: ${home}: holds no model (none of config.json, modules.json, adapter_config.json)\n`],
  ])('%j is refused', async (args, message) => {
    const { code, stderr } = await uniem(args as string[]);
    expect(code).toBe(1);
    expect(stderr.startsWith(message as string), stderr).toBe(true);
  });
});
