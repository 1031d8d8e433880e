/** npm run test:clients: Python's clients against `uniem serve`, in a virtual environment of their own in the cache folder. */

import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { minilmFolder } from '../../../../examples/dist/minilm.js';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = join(here, '..', '..', '..', '..');
const cache = process.env.UNIEM_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'uniem');

/** Made once for each list of requirements. @returns its Python. */
function preparePython() {
  const requirements = join(here, 'requirements.txt');
  const digest = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 12);
  const environment = join(cache, `clients-${digest}`);
  const python = join(environment, 'bin', 'python');
  const ready = join(environment, 'ready');
  if (existsSync(ready)) return python;
  mkdirSync(cache, { recursive: true });
  console.error('making the virtual environment of the clients');
  execFileSync('python3', ['-m', 'venv', '--clear', environment], { stdio: 'inherit' });
  execFileSync(python, ['-m', 'pip', 'install', '--quiet', '-r', requirements], { stdio: 'inherit' });
  writeFileSync(ready, '');
  return python;
}

const python = preparePython();
const command = [join(root, 'packages', 'cli', 'bin', 'uniem.js'), 'serve', '--port', '0', '--model', minilmFolder()];
const server = spawn(process.execPath, command, { stdio: ['ignore', 'ignore', 'pipe'] });
const exited = once(server, 'exit');
try {
  const url = await new Promise((resolve, reject) => {
    createInterface({ input: server.stderr }).on('line', (line) => {
      const [, found] = / at (http:\S+)$/.exec(line) ?? [];
      if (found) resolve(found);
      else console.error(line);
    });
    server.once('exit', (code) => reject(new Error(`uniem serve ended with exit code ${code}`)));
  });
  const goldens = ['texts.json', 'vectors.json'].map((name) => join(root, 'fixtures', 'minilm', name));
  const client = spawn(python, [join(here, 'clients.py'), url, ...goldens], { stdio: 'inherit' });
  const [code] = await once(client, 'exit');
  process.exitCode = code ?? 1;
} finally {
  server.kill();
  await exited;
}
