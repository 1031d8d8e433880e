/**
 * Opens exports with Python's readers: makes an environment for each of fixtures/export's requirements in the cache folder,
 * the first time, and runs the tests that `npm test` leaves out without one. npm run test:exports
 */

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const cache = process.env.UNIEM_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'uniem');
const run = (command, args, env = process.env) => execFileSync(command, args, { cwd: root, stdio: 'inherit', env });

/** Two, since TensorFlow and the other readers ask for different versions of what they share. */
const READERS = [
  { requirements: 'requirements.txt', variable: 'UNIEM_EXPORT_PYTHON', test: 'python-readers' },
  { requirements: 'requirements-tensorflow.txt', variable: 'UNIEM_TENSORFLOW_PYTHON', test: 'python-tensorflow' },
];

/** The Python of an environment with these packages, unless the variable names one. */
function pythonWith(file, given) {
  if (given !== undefined) return given;
  const requirements = join(root, 'fixtures', 'export', file);
  const version = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 12);
  const environment = join(cache, `exports-${version}`);
  const python = join(environment, 'bin', 'python');
  const ready = join(environment, 'ready');
  if (existsSync(ready)) return python;
  process.stderr.write(`making the Python environment of ${file}\n`);
  mkdirSync(cache, { recursive: true });
  run('python3', ['-m', 'venv', '--clear', environment]);
  run(python, ['-m', 'pip', 'install', '--quiet', '-r', requirements]);
  writeFileSync(ready, '');
  return python;
}

const vitest = join(root, 'node_modules', '.bin', 'vitest');
const found = READERS.map((reader) => [reader.variable, pythonWith(reader.requirements, process.env[reader.variable])]);
const tests = READERS.map(({ test }) => `packages/export/test/${test}.test.ts`);
run(vitest, ['run', ...tests], { ...process.env, ...Object.fromEntries(found) });
