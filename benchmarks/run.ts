/**
 * Ours and the peer in one run, alternating: node benchmarks/dist/run.js [name …] [--rounds 5] [--output results.json]
 * Prints medians as a table. Peers run in a virtual environment made the first time, with pinned versions.
 * After the comparisons, or by their names: matmul, oneDNN's own rate; packing beside padding; sweep, the step's time by
 * batch size and text length; strategies, what BitFit and LoRA cost beside full training; grad-cache, a batch of 4,096
 * pairs; memory, 500 rounds of encode and of training; search, exact search beside plain JavaScript; encode-file, the
 * command beside a plain loop; idioms, learnt from scratch beside sentence-transformers; export, ONNX in int8 beside fp32;
 * serve, servers under load, for --seconds 60.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { cpus, homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const here = fileURLToPath(new URL('..', import.meta.url)); // benchmarks/
const cache = join(process.env.UNIEM_CACHE ?? join(homedir(), '.cache', 'uniem'), 'bench');
const pairs = join(here, '..', 'fixtures', 'minilm', 'pairs.jsonl.gz');
const minilm = join(dirname(cache), 'models', 'all-MiniLM-L6-v2');

type Figures = Record<string, number>;

interface Case {
  name: string;
  /** The figure that is compared, and whether less of it is better. */
  figure: string;
  less: boolean;
  script: string;
  args: string[];
}

const PRECISIONS = ['fp32', 'bf16'];

const MODEL_CASES = PRECISIONS.flatMap((precision): Case[] => [
  ...(['6x384', '12x768'] as const).map((size) => ({
    name: `step-${size}-${precision}`,
    figure: 'seconds',
    less: true,
    script: 'step',
    args: [join(cache, `bert-${size}`), precision, '32', '64', '9'],
  })),
  {
    name: `train-${precision}`,
    figure: 'pairsPerSecond',
    less: false,
    script: 'train',
    args: [minilm, precision, pairs, '9'],
  },
  {
    name: `encode-${precision}`,
    figure: 'textsPerSecond',
    less: false,
    script: 'encode',
    args: [minilm, precision, pairs, '4000'],
  },
]);

const READ_CASES = ['jsonl', 'json', 'csv', 'parquet', 'arrow'].map(
  (format): Case => ({
    name: `read-${format}`,
    figure: 'rowsPerSecond',
    less: false,
    script: 'read',
    args: [join(cache, 'rows', `rows.${format}`)],
  }),
);

const CASES = [...MODEL_CASES, ...READ_CASES];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '60' },
    output: { type: 'string' },
  },
});
const wanted = (name: string) => positionals.length === 0 || positionals.some((part) => name.includes(part));
const chosen = CASES.filter(({ name }) => wanted(name));
const python = preparePeers();
console.log(`${cpus()[0]?.model.trim()}, ${cpus().length} cores, ${instructionSets()}, node ${process.versions.node}`);
const results = chosen.map((item) => {
  const rounds = Array.from({ length: Number(values.rounds) }, () => ({
    ours: run(process.execPath, [join(here, 'dist', `${item.script}.js`), ...item.args]),
    peer: run(python, [join(here, 'peers', `${item.script}.py`), ...item.args]),
  }));
  const side = (name: 'ours' | 'peer', figure: string) => median(rounds.map((round) => round[name][figure] as number));
  const [ours, peer] = [side('ours', item.figure), side('peer', item.figure)];
  const row = {
    name: item.name,
    figure: item.figure,
    ours,
    peer,
    faster: item.less ? peer / ours : ours / peer,
    oursMegabytes: side('ours', 'rss') / 1e6,
    peerMegabytes: side('peer', 'rss') / 1e6,
  };
  const memory = Number.isNaN(row.oursMegabytes)
    ? ''
    : `  peak ${row.oursMegabytes.toFixed(0)} MB, peer ${row.peerMegabytes.toFixed(0)} MB`;
  console.log(
    `${row.name.padEnd(18)} ${row.figure.padEnd(15)} ours ${ours.toPrecision(4).padStart(7)}  peer ${peer.toPrecision(4).padStart(7)}  ${row.faster.toFixed(2)}x${memory}`,
  );
  return row;
});
const own: [name: string, args: string[]][] = [
  ['matmul', []],
  ['packing', [minilm]],
  ['sweep', [join(cache, 'bert-6x384')]],
  ['strategies', [minilm, pairs]],
  ['grad-cache', [minilm, pairs]],
  ['memory', [minilm]],
  ['search', []],
  ['encode-file', [minilm, pairs]],
  ['idioms', [python, join(cache, 'idioms')]],
  ['export', [minilm, pairs]],
  ['serve', wanted('serve') ? [minilm, pairs, values.seconds, python, prepareInfinity()] : []],
];
for (const [name, args] of own.filter(([name]) => wanted(name))) {
  console.log(`\n${name}`);
  execFileSync(process.execPath, [join(here, 'dist', `${name}.js`), ...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
}
if (values.output) {
  writeFileSync(`${values.output}.partial`, `${JSON.stringify({ machine: cpus()[0]?.model, results }, null, 2)}\n`);
  renameSync(`${values.output}.partial`, values.output);
}

function run(command: string, args: string[]): Figures {
  const env = { ...process.env, HF_HUB_OFFLINE: '1', TRANSFORMERS_VERBOSITY: 'error' };
  const output = execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], env });
  return JSON.parse(output.trim().split('\n').at(-1) as string) as Figures;
}

/** The virtual environment and the random models; @returns its Python. */
function preparePeers(): string {
  const executable = prepareEnvironment('venv', 'requirements.txt');
  for (const [size, layers, hidden] of [
    ['6x384', '6', '384'],
    ['12x768', '12', '768'],
  ] as const) {
    const folder = join(cache, `bert-${size}`);
    if (!existsSync(join(folder, 'vocab.txt'))) {
      execFileSync(executable, [join(here, 'peers', 'model.py'), folder, layers, hidden], { stdio: 'ignore' });
    }
  }
  if (chosen.some(({ script }) => script === 'read') && !existsSync(join(cache, 'rows'))) {
    console.error('writing a million rows in five formats');
    execFileSync(executable, [join(here, 'peers', 'rows.py'), join(cache, 'rows')], { stdio: 'ignore' });
  }
  return executable;
}

/** Of the peer that needs older libraries than the others; @returns its Python. */
function prepareInfinity(): string {
  return prepareEnvironment('venv-infinity', 'requirements-infinity.txt');
}

/** A virtual environment, made the first time; @returns its Python. */
function prepareEnvironment(name: string, requirements: string): string {
  const environment = join(cache, name);
  const executable = join(environment, 'bin', 'python');
  const ready = join(environment, 'ready');
  mkdirSync(cache, { recursive: true });
  if (existsSync(ready)) return executable;
  console.error(`making the virtual environment of ${requirements}`);
  execFileSync('python3', ['-m', 'venv', '--clear', environment], { stdio: 'inherit' });
  const install = ['-m', 'pip', 'install', '--quiet', '-r', join(here, 'peers', requirements)];
  execFileSync(executable, install, { stdio: 'inherit' });
  writeFileSync(ready, '');
  return executable;
}

function median(numbers: number[]): number {
  return numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)] as number;
}

function instructionSets(): string {
  const known = ['avx2', 'avx512f', 'avx512_bf16', 'amx_bf16'];
  const flags = existsSync('/proc/cpuinfo') ? readFileSync('/proc/cpuinfo', 'utf8').split(/\s+/) : [];
  return known.filter((name) => flags.includes(name)).join(' ') || 'unknown instruction sets';
}
