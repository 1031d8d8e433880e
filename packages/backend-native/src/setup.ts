/**
 * Builds the engine once: oneDNN from PyPI's wheels, the kernels by g++, one object an instruction set.
 * Everything happens in a folder that is renamed when whole, so a half-finished build is started over.
 */

import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';

import { NativeError } from './errors.ts';
import { ADDON, addonCandidates, buildFolder, SOURCES } from './files.ts';

const run = promisify(execFile);
const require = createRequire(import.meta.url);

/** oneDNN 3.2, built for GNU OpenMP. */
const ONEDNN_WHEELS = ['onednn-cpu-gomp==2023.2.0', 'onednn-devel-cpu-gomp==2023.2.0'];
const ONEDNN_LIBRARY = 'libdnnl.so.3';

/** Tools the build runs, and the command that brings each. */
const TOOLS: [command: string, args: string[], bring: string][] = [
  ['python3', ['--version'], 'apt-get install python3'],
  ['python3', ['-m', 'pip', '--version'], 'apt-get install python3-pip'],
  ['g++', ['--version'], 'apt-get install g++'],
  ['ld', ['--version'], 'apt-get install binutils'],
  ['objcopy', ['--version'], 'apt-get install binutils'],
];

/** Each instruction set's kernels are one object; the processor's is chosen when the addon is loaded. */
const INSTRUCTION_SETS: Record<string, string[]> = {
  avx2: ['-march=x86-64-v3'],
  avx512: ['-march=x86-64-v4', '-mprefer-vector-width=512'],
};
/** What is compiled once. */
const SHARED = ['addon.cc', 'gemm.cc', 'memory.cc', 'pages.cc'];
const BASELINE = '-march=x86-64-v2';
const FLAGS = [
  ...['-std=c++20', '-O3', '-fPIC', '-fopenmp', '-fvisibility=hidden', '-fno-gnu-unique', '-DNAPI_VERSION=8'],
  ...['-fno-math-errno', '-fno-trapping-math', '-Wall', '-Wextra', '-Werror', '-Wno-psabi'],
];

type Log = (line: string) => void;

/**
 * Makes the engine ready; returns at once where it is.
 *
 * @throws NativeError naming a missing tool and the command that brings it, or the step that failed.
 */
export async function setupNative({ log = () => {} }: { log?: Log } = {}): Promise<void> {
  if (!addonCandidates().some(existsSync)) await buildAddon([], log);
}

/** Builds the addon with flags beyond the usual ones, once. @returns Its folder. */
export async function buildAddon(flags: readonly string[], log: Log = () => {}): Promise<string> {
  const target = buildFolder(flags);
  if (existsSync(join(target, ADDON))) return target;
  await requireTools();
  const root = dirname(target);
  mkdirSync(root, { recursive: true });
  removeAbandoned(root);
  const partial = mkdtempSync(`${target}.partial-${process.pid}-`);
  try {
    log('downloading oneDNN 3.2');
    const onednn = await fetchOneDnn(partial);
    log('compiling the kernels');
    await compile(partial, onednn, flags);
    for (const entry of readdirSync(partial)) {
      if (entry !== ADDON && entry !== ONEDNN_LIBRARY) rmSync(join(partial, entry), { recursive: true });
    }
    renameSync(partial, target);
    log(`ready: ${basename(target)}`);
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    if (!existsSync(join(target, ADDON))) throw error; // another process may have finished first
  }
  return target;
}

/** Puts the library into the folder and returns the folder of the headers. */
async function fetchOneDnn(folder: string): Promise<string> {
  await step('pip download failed', 'check the network and pip', 'python3', [
    ...['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary=:all:'],
    ...['--dest', folder, ...ONEDNN_WHEELS],
  ]);
  const unpacked = join(folder, 'onednn');
  for (const wheel of readdirSync(folder).filter((name) => name.endsWith('.whl'))) {
    await step('unpacking failed', 'free disk space: 300 MB are needed', 'python3', [
      ...['-m', 'zipfile', '-e', join(folder, wheel), unpacked],
    ]);
  }
  const data = (suffix: string) =>
    readdirSync(unpacked)
      .map((name) => join(unpacked, name, 'data', suffix))
      .find(existsSync) ?? `no ${suffix} in the wheels`;
  cpSync(data(`lib/${ONEDNN_LIBRARY}`), join(folder, ONEDNN_LIBRARY), { dereference: true });
  return data('include');
}

async function compile(folder: string, onednn: string, extra: readonly string[]): Promise<void> {
  const headers = (require('node-api-headers') as { include_dir: string }).include_dir;
  const compileOne = (source: string, object: string, flags: string[]) =>
    step('g++ failed', 'report this with the lines above', 'g++', [
      ...[
        ...FLAGS,
        ...extra,
        ...flags,
        `-I${onednn}`,
        `-I${headers}`,
        '-c',
        join(SOURCES, source),
        '-o',
        join(folder, object),
      ],
    ]);
  const kernels = readdirSync(join(SOURCES, 'kernels')).map((file) => join('kernels', file));
  const jobs = Object.entries(INSTRUCTION_SETS).flatMap(([isa, flags]) =>
    [...kernels, 'kernels.cc'].map(
      (source) => () => compileOne(source, `${isa}-${basename(source)}.o`, [...flags, `-DUNIEM_ISA=${isa}`]),
    ),
  );
  const shared = SHARED.map((source) => () => compileOne(source, `${source}.o`, [BASELINE]));
  await inParallel([...jobs, ...shared], availableParallelism());
  for (const isa of Object.keys(INSTRUCTION_SETS)) {
    const parts = readdirSync(folder).filter((name) => name.startsWith(`${isa}-`) && name.endsWith('.o'));
    const object = join(folder, `${isa}.o`);
    // One symbol leaves the object: inline functions compiled for AVX-512 must not serve an AVX2 machine.
    await step('ld failed', 'report this', 'ld', [
      ...['-r', '--force-group-allocation', '-o', object, ...parts.map((part) => join(folder, part))],
    ]);
    await step('objcopy failed', 'report this', 'objcopy', [`--keep-global-symbol=uniem_kernels_${isa}`, object]);
  }
  const objects = [...SHARED.map((source) => `${source}.o`), ...Object.keys(INSTRUCTION_SETS).map((isa) => `${isa}.o`)];
  await step('linking failed', 'report this with the lines above', 'g++', [
    ...[
      '-shared',
      '-fopenmp',
      '-s',
      ...extra,
      '-o',
      join(folder, ADDON),
      ...objects.map((object) => join(folder, object)),
    ],
    ...[join(folder, ONEDNN_LIBRARY), '-Wl,-rpath,$ORIGIN', '-Wl,--exclude-libs,ALL'],
  ]);
}

async function inParallel(jobs: (() => Promise<void>)[], workers: number): Promise<void> {
  const queue = [...jobs];
  await Promise.all(
    Array.from({ length: workers }, async () => {
      for (let job = queue.shift(); job; job = queue.shift()) await job();
    }),
  );
}

async function requireTools(): Promise<void> {
  for (const [command, args, bring] of TOOLS) {
    await run(command, args).catch((cause: unknown) => {
      throw new NativeError(`${[command, ...args].join(' ')} does not work here`, `run: ${bring}`, { cause });
    });
  }
}

async function step(what: string, fix: string, command: string, args: string[]): Promise<void> {
  await run(command, args, { maxBuffer: 2 ** 24 }).catch((cause: Error & { stderr?: string }) => {
    throw new NativeError(`${what}: ${cause.stderr?.trim().slice(-4000) || cause.message}`, fix, { cause });
  });
}

/** Removes what set-ups left that were cut off; one that still runs keeps its folder. */
function removeAbandoned(root: string): void {
  for (const entry of readdirSync(root)) {
    const [, pid] = /^native-.*\.partial-(\d+)-/.exec(entry) ?? [];
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
