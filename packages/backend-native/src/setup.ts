/**
 * Builds the engine once: oneDNN from PyPI's wheels, the kernels by g++, one object an instruction set.
 * Everything happens in a folder that is renamed when whole, so a half-finished build is started over.
 */

import { cpSync, existsSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';

import { buildWhole, downloadWheels, Toolbox } from '@uniem/engine-setup';

import { NativeError } from './errors.ts';
import { ADDON, addonCandidates, buildFolder, SOURCES } from './files.ts';

const toolbox = new Toolbox(NativeError);
const require = createRequire(import.meta.url);

/** oneDNN 3.2, built for GNU OpenMP. */
const ONEDNN_WHEELS = ['onednn-cpu-gomp==2023.2.0', 'onednn-devel-cpu-gomp==2023.2.0'];
const ONEDNN_LIBRARY = 'libdnnl.so.3';

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
  await toolbox.require(...Toolbox.PYTHON, ...Toolbox.COMPILER, ...Toolbox.BINUTILS);
  const isComplete = () => existsSync(join(target, ADDON));
  await buildWhole(target, isComplete, async (folder) => {
    log('downloading oneDNN 3.2');
    const onednn = await fetchOneDnn(folder);
    log('compiling the kernels');
    await compile(folder, onednn, flags);
    for (const entry of readdirSync(folder)) {
      if (entry !== ADDON && entry !== ONEDNN_LIBRARY) rmSync(join(folder, entry), { recursive: true });
    }
    log(`ready: ${basename(target)}`);
  });
  return target;
}

/** Puts the library into the folder and returns the folder of the headers. */
async function fetchOneDnn(folder: string): Promise<string> {
  const wheels = await downloadWheels(toolbox, folder, ONEDNN_WHEELS);
  const unpacked = join(folder, 'onednn');
  for (const wheel of wheels) {
    await toolbox.run('unpacking failed', 'free disk space: 300 MB are needed', 'python3', [
      ...['-m', 'zipfile', '-e', wheel, unpacked],
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
    toolbox.run('g++ failed', 'report this with the lines above', 'g++', [
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
    await toolbox.run('ld failed', 'report this', 'ld', [
      ...['-r', '--force-group-allocation', '-o', object, ...parts.map((part) => join(folder, part))],
    ]);
    await toolbox.run('objcopy failed', 'report this', 'objcopy', [
      `--keep-global-symbol=uniem_kernels_${isa}`,
      object,
    ]);
  }
  const objects = [...SHARED.map((source) => `${source}.o`), ...Object.keys(INSTRUCTION_SETS).map((isa) => `${isa}.o`)];
  await toolbox.run('linking failed', 'report this with the lines above', 'g++', [
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
