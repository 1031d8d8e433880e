/**
 * Opens exports with Python's readers: makes an environment of fixtures/export/requirements.txt in the cache folder, the
 * first time, and runs the tests that `npm test` leaves out without one. npm run test:exports
 */

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const requirements = join(root, 'fixtures', 'export', 'requirements.txt');
const cache = process.env.UNIEM_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'uniem');
const version = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 12);
const environment = join(cache, `exports-${version}`);
const python = join(environment, 'bin', 'python');
const ready = join(environment, 'ready');
const run = (command, args, env = process.env) => execFileSync(command, args, { cwd: root, stdio: 'inherit', env });

if (!existsSync(ready)) {
  process.stderr.write('making the Python environment of the readers\n');
  mkdirSync(cache, { recursive: true });
  run('python3', ['-m', 'venv', '--clear', environment]);
  run(python, ['-m', 'pip', 'install', '--quiet', '-r', requirements]);
  writeFileSync(ready, '');
}
const vitest = join(root, 'node_modules', '.bin', 'vitest');
run(vitest, ['run', 'packages/export/test/python-readers.test.ts'], { ...process.env, UNIEM_EXPORT_PYTHON: python });
