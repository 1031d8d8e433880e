/**
 * Builds the engine once: libtensorflow from the PyPI wheel tensorflow-cpu, tfjs-node's unchanged binding on it.
 * Everything happens in a folder that is renamed when whole, so a half-finished set-up is started over.
 */

import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { BINDING_ADDON, engineFolder, isEngineReady, QUIET_ADDON, TENSORFLOW_VERSION } from './cache.ts';
import { TensorflowError } from './errors.ts';

const run = promisify(execFile);
const require = createRequire(import.meta.url);

/** Tools the set-up runs, and the command that brings each. */
const TOOLS: [command: string, args: string[], bring: string][] = [
  ['python3', ['--version'], 'apt-get install python3'],
  ['python3', ['-m', 'pip', '--version'], 'apt-get install python3-pip'],
  ['g++', ['--version'], 'apt-get install g++'],
];

const LIBRARIES = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'];

/** Unpacks the wheel's two libraries and its headers; a whole wheel would be 1.4 GB. */
const UNPACK = `
import sys, zipfile
wheel, target = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    for name in archive.namelist():
        if name.startswith(tuple(f'tensorflow/include/{part}/' for part in ('tensorflow', 'tsl', 'xla'))) \\
                or name in ('tensorflow/${LIBRARIES[0]}', 'tensorflow/${LIBRARIES[1]}'):
            archive.extract(name, target)
`;

/**
 * Makes the engine ready; returns at once where it is.
 *
 * @throws TensorflowError naming a missing tool and the command that brings it, or the step that failed.
 */
export async function setupTensorflow({ log = () => {} }: { log?: (line: string) => void } = {}): Promise<void> {
  const target = engineFolder();
  if (isEngineReady()) return;
  await requireTools();
  const root = dirname(target);
  mkdirSync(root, { recursive: true });
  removeAbandoned(root);
  rmSync(target, { recursive: true, force: true }); // not ready, so damaged: the rename below needs its place
  const partial = mkdtempSync(`${target}.partial-${process.pid}-`);
  try {
    log(`downloading tensorflow-cpu ${TENSORFLOW_VERSION}`);
    await step('pip download failed', 'check the network and pip', 'python3', [
      ...['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary=:all:'],
      ...['--dest', partial, `tensorflow-cpu==${TENSORFLOW_VERSION}`],
    ]);
    const wheel = readdirSync(partial).find((name) => name.endsWith('.whl')) ?? 'no wheel';
    log('unpacking');
    await step('unpacking failed', 'free disk space: 2 GB are needed', 'python3', [
      ...['-c', UNPACK, join(partial, wheel), partial],
    ]);
    for (const library of LIBRARIES) renameSync(join(partial, 'tensorflow', library), join(partial, library));
    log('building the binding');
    await buildBinding(partial);
    rmSync(join(partial, wheel));
    rmSync(join(partial, 'tensorflow'), { recursive: true });
    renameSync(partial, target);
    log(`ready in ${target}`);
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    if (!isEngineReady()) throw error; // another process may have finished first
  }
}

async function buildBinding(folder: string): Promise<void> {
  const sources = join(dirname(require.resolve('@tensorflow/tfjs-node/package.json')), 'binding');
  const headers = (require('node-api-headers') as { include_dir: string }).include_dir;
  const includes = [headers, dirname(sources), join(folder, 'tensorflow', 'include')].map((path) => `-I${path}`);
  const addon = (name: string, files: string[], libraries: readonly string[]) =>
    step('g++ failed', 'report this with the lines above', 'g++', [
      ...['-shared', '-fPIC', '-O2', '-std=c++17', '-DNAPI_VERSION=8', ...includes, ...files],
      ...libraries.map((library) => join(folder, library)),
      ...['-Wl,-rpath,$ORIGIN', '-o', join(folder, name)],
    ]);
  const quiet = fileURLToPath(new URL('../native/quiet.cc', import.meta.url));
  const binding = ['tfjs_backend.cc', 'tfjs_binding.cc'].map((file) => join(sources, file));
  await addon(QUIET_ADDON, [quiet], []);
  await addon(BINDING_ADDON, binding, LIBRARIES);
}

async function requireTools(): Promise<void> {
  for (const [command, args, bring] of TOOLS) {
    await run(command, args).catch((cause: unknown) => {
      throw new TensorflowError(`${[command, ...args].join(' ')} does not work here`, `run: ${bring}`, { cause });
    });
  }
}

async function step(what: string, fix: string, command: string, args: string[]): Promise<void> {
  await run(command, args, { maxBuffer: 2 ** 24 }).catch((cause: Error & { stderr?: string }) => {
    throw new TensorflowError(`${what}: ${cause.stderr?.trim().slice(-2000) || cause.message}`, fix, { cause });
  });
}

/** Removes what set-ups left that were cut off; one that still runs keeps its folder. */
function removeAbandoned(root: string): void {
  for (const entry of readdirSync(root)) {
    const [, pid] = /^tensorflow-.*\.partial-(\d+)-/.exec(entry) ?? [];
    if (pid && !isRunning(Number(pid))) rmSync(join(root, entry), { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
