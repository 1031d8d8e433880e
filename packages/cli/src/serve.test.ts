/** uniem serve as a user runs it. */

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { expect, test } from 'vitest';

import { serveProcess } from '../../server/test/process.ts';

const command = fileURLToPath(new URL('../bin/uniem.js', import.meta.url));
const tiny = fileURLToPath(new URL('../../../fixtures/tiny-bert/model', import.meta.url));

const serve = (...args: string[]) => {
  const { status, stderr } = spawnSync(process.execPath, [command, 'serve', ...args], { encoding: 'utf8' });
  return { status, stderr };
};

test('serves several models, asks for the key of the environment, and ends on SIGTERM', async () => {
  process.env.UNIEM_API_KEY = 'secret';
  const server = await serveProcess('--model', tiny, '--model', `other=${tiny}`, '--backend', 'cpu');
  delete process.env.UNIEM_API_KEY;
  expect(server.lines).toEqual([`serving model, other on engine cpu at ${server.url}`]);
  const models = (headers: Record<string, string>) => fetch(`${server.url}/v1/models`, { headers });
  expect((await models({})).status).toBe(401);
  const { data } = await (await models({ authorization: 'Bearer secret' })).json();
  expect(data.map(({ id }: { id: string }) => id)).toEqual(['model', 'other']);
  expect(await server.stop('SIGTERM')).toEqual({ code: 0, signal: null });
  expect(server.lines[1]).toBe('SIGTERM received: finishing requests in progress; send it again to stop immediately');
});

test('says what is wrong, and the fix', () => {
  expect(serve()).toEqual({
    status: 2,
    stderr: 'UsageError: --model: is required\n  fix: see `uniem serve --help`\n',
  });
  expect(serve('--model', tiny, '--port', '70000')).toEqual({
    status: 2,
    stderr:
      'UsageError: --port: Too big: expected number to be <=65535 (received 70000)\n  fix: see `uniem serve --help`\n',
  });
  const missing = serve('--model', '/not/there');
  expect(missing.status).toBe(1);
  expect(missing.stderr).toBe(
    'ModelError: /not/there: no such model folder\n' +
      '  fix: give the folder that holds config.json, or a model of the hub as owner/name[@revision]\n',
  );
});
