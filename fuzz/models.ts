/** Model folders with a file that was changed: they open and give the vectors that the file says, or say what is wrong. */

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Embedder, ModelError, OptionError, openTokenizer, useEngine } from '@uniem/core';

import { type Mutated, mutateBytes } from './bytes.ts';
import { mutateJson, OUTSIDE } from './json.ts';
import { mutateOldPytorch } from './old-pytorch.ts';
import type { Random } from './random.ts';
import { mutateSafetensors } from './safetensors.ts';
import { problemOf, type Target } from './target.ts';
import { mutateZip } from './zip.ts';

const fixtures = fileURLToPath(new URL('../../fixtures/', import.meta.url));
const TEXTS = [
  'the cat sat on the mat',
  '',
  'Dogs [MASK] run, 漢字 \u{1f600}\u0301 ﬁ',
  'the end of the catalog '.repeat(30),
];
const UNIT = 'sentence-transformers';

/** A folder of the fixtures' files. */
interface Subject {
  files: ReadonlyMap<string, Buffer>;
  /** Files that may be changed, the more often the more often they are here. */
  targets: readonly string[];
  /** Whether only the tokenizer is opened, as the folder holds no more. */
  tokenizerOnly: boolean;
}

const read = (...path: string[]) => readFileSync(join(fixtures, ...path));

function filesOf(...path: string[]): Map<string, Buffer> {
  const root = join(fixtures, ...path);
  const entries = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    entries.map(({ parentPath, name }) => {
      const own = join(parentPath, name);
      return [own.slice(root.length + 1), readFileSync(own)];
    }),
  );
}

function subject(files: Map<string, Buffer>, targets: readonly string[], tokenizerOnly = false): Subject {
  return { files, targets, tokenizerOnly };
}

/** Each form of weights. */
function weightSubjects(): Subject[] {
  return ['safetensors-bf16', 'safetensors-sharded-fp16', 'zip-with-head', 'old-bf16', 'bin-sharded'].map((form) => {
    const files = filesOf('checkpoints', 'model', form);
    const targets = [...files.keys()];
    files.set('config.json', read('checkpoints', 'model', 'config.json'));
    files.set('vocab.txt', read('tiny-bert', 'model', 'vocab.txt'));
    return subject(files, targets);
  });
}

/** sentence-transformers' layouts, whose weights and vocabulary are the tiny BERT's. */
function layoutSubjects(): Subject[] {
  const compact = readdirSync(join(fixtures, UNIT, 'compact'));
  return compact.map((name) => {
    const files = filesOf(UNIT, 'compact', name);
    const targets = [...files.keys()].filter((path) => !path.endsWith('Normalize/config.json'));
    if (name === 'static') return subject(files, targets);
    const whole = new Map([...filesOf('tiny-bert', 'model'), ...files]);
    return subject(whole, [...targets, 'modules.json', 'config.json', 'vocab.txt']);
  });
}

/** config.json of every family; the weights are for those of 40 tokens. */
function familySubjects(): Subject[] {
  const lines = read('tiny-bert', 'model', 'vocab.txt').toString().split('\n').slice(0, 40);
  const folders = readdirSync(join(fixtures, 'families'), { withFileTypes: true }).filter((entry) =>
    entry.isDirectory(),
  );
  return folders.map(({ name }) => {
    const files = filesOf('families', name);
    files.delete('expected.json');
    files.set('vocab.txt', Buffer.from(lines.join('\n')));
    files.set('tokenizer_config.json', Buffer.from('{"tokenizer_class": "BertTokenizer"}'));
    return subject(files, ['config.json']);
  });
}

/** Files of slow tokenizers, and the tokenizer.json that they make. */
function tokenizerSubjects(): Subject[] {
  const root = join(fixtures, 'tokenizers');
  const folders = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return folders.flatMap(({ name }) => {
    const files = filesOf('tokenizers', name);
    const json = Buffer.from(JSON.stringify(openTokenizer(join(root, name)).toJson()));
    const fast = new Map([['tokenizer.json', json]]);
    return [subject(files, [...files.keys()], true), subject(fast, ['tokenizer.json'], true)];
  });
}

/** How many of 20 cases each group has. */
const GROUPS: readonly [times: number, subjects: () => Subject[]][] = [
  [9, weightSubjects],
  [4, layoutSubjects],
  [2, familySubjects],
  [5, tokenizerSubjects],
];

interface Changed extends Mutated {
  /** What stands in the file's place, where it is no file of these bytes. */
  place?: (path: string) => void;
  /** Whether it leads out of the folder, where what it leads to is there. */
  leadsOut?: boolean;
}

function replaceByFolder(path: string): void {
  rmSync(path);
  mkdirSync(path);
}

/** What is not a file of bytes: with a hole of gigabytes behind it, a folder, or nothing. */
const PLACES: readonly [what: string, place: (path: string) => void][] = [
  ['3 GB long', (path) => truncateSync(path, 3e9)],
  ['60 MB long', (path) => truncateSync(path, 60e6)],
  ['100 GB long', (path) => truncateSync(path, 1e11)],
  ['a folder', replaceByFolder],
  ['gone', (path) => rmSync(path)],
];

function mutate(random: Random, path: string, bytes: Buffer): Changed {
  if (random.chance(0.03)) {
    const [what, place] = random.of(PLACES);
    return { what, bytes, place, sameValues: true };
  }
  const name = basename(path);
  const hasPaths = name === 'modules.json' || name.endsWith('.index.json');
  if (hasPaths && random.chance(0.2)) return leadOut(random, name, bytes);
  if (name.endsWith('.safetensors')) return mutateSafetensors(random, bytes);
  if (name.endsWith('.bin')) return (bytes[0] === 0x50 ? mutateZip : mutateOldPytorch)(random, bytes);
  if (name.endsWith('.json')) return mutateJson(random, bytes);
  return mutateBytes(random, bytes);
}

/** A path in modules.json or an index, to a place outside that has what is looked for. */
function leadOut(random: Random, name: string, bytes: Buffer): Changed {
  const way = random.of(OUTSIDE);
  const value = JSON.parse(bytes.toString('utf8'));
  if (name === 'modules.json') random.of<{ path: string }>(value).path = way;
  else {
    const key = random.of(Object.keys(value.weight_map));
    value.weight_map[key] = `${way}/${value.weight_map[key]}`;
  }
  return { what: `a path is ${way}`, bytes: Buffer.from(JSON.stringify(value)), leadsOut: true };
}

const isWeights = (path: string) => /\.(safetensors|bin)$|\.index\.json$/.test(path);
const isOurs = (error: unknown) => error instanceof ModelError || error instanceof OptionError;

/** Opens the folder, and gives the vectors of the texts, or of each the ids where there is but a tokenizer. */
async function open(folder: string, { tokenizerOnly }: Subject): Promise<ArrayLike<number>[]> {
  if (tokenizerOnly) {
    const tokenizer = openTokenizer(folder);
    return TEXTS.map((text) => tokenizer.encode(text, 64));
  }
  const embedder = await Embedder.fromPretrained(folder);
  try {
    return await embedder.encode(TEXTS, { progressBar: false });
  } finally {
    embedder.dispose();
  }
}

/** What is wrong with what a changed folder gave. */
function problemIn(given: ArrayLike<number>[], expected: ArrayLike<number>[], path: string, changed: Changed) {
  if (changed.leadsOut) return 'opened what lies outside the folder';
  if (given.length !== TEXTS.length) return `gave ${given.length} vectors`;
  if (isWeights(path) && changed.sameValues && given.some((values, i) => !isEqual(values, expected[i]))) {
    return 'gave other vectors, though no value was changed';
  }
  if (isWeights(path) || basename(path) === 'config.json') return undefined; // whatever their values say
  return given.every((values) => Array.from(values).every(Number.isFinite))
    ? undefined
    : 'gave numbers that are not finite';
}

function isEqual(a: ArrayLike<number>, b: ArrayLike<number> | undefined): boolean {
  return a.length === b?.length && Array.from(a).every((value, i) => Object.is(value, b[i]));
}

/** Writes folders to a place of its own, one after the other, each with one file changed. */
export async function createModels(): Promise<Target> {
  await useEngine();
  const root = mkdtempSync(join(tmpdir(), 'uniem-fuzz-'));
  process.on('exit', () => rmSync(root, { recursive: true, force: true }));
  const [folder, outside] = [join(root, 'model'), join(root, 'outside')];
  const groups = GROUPS.flatMap(([times, subjects]) => Array<Subject[]>(times).fill(subjects()));
  const expected = new Map<Subject, ArrayLike<number>[]>();
  let current: Subject | undefined;

  const write = (to: string, path: string, bytes: Uint8Array) => {
    mkdirSync(dirname(join(to, path)), { recursive: true });
    writeFileSync(join(to, path), bytes);
  };
  const enter = async (subject: Subject) => {
    if (subject === current) return;
    for (const place of [folder, outside]) {
      rmSync(place, { recursive: true, force: true });
      // Outside stands all that a path could lead to: the folder itself, and each of its modules.
      for (const [path, bytes] of subject.files) {
        write(place, path, bytes);
        if (place === outside) write(place, basename(path), bytes);
      }
    }
    current = subject;
    if (!expected.has(subject)) expected.set(subject, await open(folder, subject));
  };

  const run: Target['run'] = async (random, begin) => {
    const subject = random.of(random.of(groups));
    const path = random.of(subject.targets);
    const bytes = subject.files.get(path) as Buffer;
    await enter(subject);
    const changed = mutate(random, path, bytes);
    const what = `${path}: ${changed.what}`;
    begin(what);
    write(folder, path, changed.bytes);
    changed.place?.(join(folder, path));
    try {
      const given = await open(folder, subject);
      return { what, result: 'opened', problem: problemIn(given, expected.get(subject) ?? [], path, changed) };
    } catch (error) {
      return { what, result: 'refused', problem: problemOf(error, isOurs) };
    } finally {
      rmSync(join(folder, path), { recursive: true, force: true });
      write(folder, path, bytes);
    }
  };
  return { run };
}
