/** Data files with some of their bytes changed: they give rows, or say which file and row is wrong. */

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { gunzipSync, gzipSync } from 'node:zlib';

import { DataError, loadDataset, type Row } from '@uniem/data';

import { type Mutated, mutateBytes } from './bytes.ts';
import { mutateJson, mutateValue, OUTSIDE, printJson } from './json.ts';
import type { Random } from './random.ts';
import { problemOf, type Target } from './target.ts';

const fixtures = fileURLToPath(new URL('../../fixtures/data/files/', import.meta.url));

/** A file, or a folder that `datasets` saved. */
interface Subject {
  /** What is opened, below the place of its own. */
  path: string;
  files: ReadonlyMap<string, Buffer>;
  target: string;
}

function textFiles(): [name: string, bytes: Buffer][] {
  const json = readFileSync(join(fixtures, 'rows.json'));
  const rows = JSON.parse(json.toString('utf8')) as Row[];
  const quoted = (value: unknown) => `"${String(value).replaceAll('"', '""')}"`;
  const table = (delimiter: string) =>
    [['text', 'text_pos', 'label'], ...rows.map(({ text, text_pos, label }) => [quoted(text), quoted(text_pos), label])]
      .map((fields) => fields.join(delimiter))
      .join('\n');
  const plain: [string, Buffer][] = [
    ['rows.json', json],
    ['rows.jsonl', Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(''))],
    ['rows.csv', Buffer.from(table(','))],
    ['rows.tsv', Buffer.from(table('\t'))],
  ];
  return [...plain, ...plain.map(([name, bytes]): [string, Buffer] => [`${name}.gz`, gzipSync(bytes)])];
}

function subjects(): Subject[] {
  const names = readdirSync(fixtures).filter((name) => /\.(parquet|arrow)$/.test(name));
  const columnar = names.map((name): [string, Buffer] => [name, readFileSync(join(fixtures, name))]);
  const single = [...textFiles(), ...columnar].map(([name, bytes]) => {
    return { path: name, files: new Map([[name, bytes]]), target: name };
  });
  const saved = readdirSync(join(fixtures, 'saved'));
  const files = new Map(saved.map((name) => [`saved/${name}`, readFileSync(join(fixtures, 'saved', name))]));
  return [...single, ...[...files.keys()].map((target) => ({ path: 'saved', files, target }))];
}

/** Changes a stretch of a file; what comes before and behind it stays where it is if the stretch is as long as before. */
function mutateWithin(random: Random, bytes: Buffer, begin: number, end: number): Mutated {
  const { what, bytes: part } = mutateBytes(random, bytes.subarray(begin, end));
  return {
    what: `from byte ${begin}: ${what}`,
    bytes: Buffer.concat([bytes.subarray(0, begin), part, bytes.subarray(end)]),
  };
}

/** The footer, which has all places and counts, or all of the file. */
function mutateParquet(random: Random, bytes: Buffer): Mutated {
  if (random.chance(0.4)) return mutateBytes(random, bytes);
  const size = bytes.readUInt32LE(bytes.length - 8);
  const footer = bytes.length - 8 - size;
  if (random.chance(0.3)) return mutateWithin(random, bytes, 4, footer);
  const { what, bytes: changed } = mutateWithin(random, bytes, footer, bytes.length - 8);
  changed.writeUInt32LE(size + changed.length - bytes.length, changed.length - 8);
  return { what: `footer ${what}`, bytes: changed };
}

/** The heads of messages, which are where the values are not, or all of the file. */
function mutateArrow(random: Random, bytes: Buffer): Mutated {
  if (random.chance(0.4)) return mutateBytes(random, bytes);
  const heads = [...bytes.keys()].filter(
    (at) => at % 8 === 0 && at + 8 < bytes.length && bytes.readUInt32LE(at) === 0xffffffff,
  );
  const head = random.of(heads.length > 0 ? heads : [0]);
  return mutateWithin(random, bytes, head, head + 1000);
}

const MEBIBYTE = 1 << 20;

/** Of all text formats: what is one record without an end, or deep. */
const TEXTS: readonly [what: string, text: () => string][] = [
  ['a line of 80 MB', () => 'a'.repeat(80 * MEBIBYTE)],
  ['a quote that stays open', () => `"${`${'a'.repeat(99)}\n`.repeat(MEBIBYTE / 4)}`],
  ['an object that stays open', () => `[{"a":"${'a'.repeat(20 * MEBIBYTE)}`],
  ['deep lists', () => `{"a":${'['.repeat(1e6)}`],
  ['deep lists, closed', () => `{"text":${'['.repeat(1e5)}${']'.repeat(1e5)}}\n`],
  ['many lines', () => '\n'.repeat(5 * MEBIBYTE)],
  ['many columns', () => `${Array.from({ length: 50_000 }, (_, i) => `c${i}`).join(',')}\n${'1,'.repeat(49_999)}1\n`],
  ['odd names', () => '{"__proto__":{"text":"x"},"text":"a","toString":1}\n'],
  ['names of odd columns', () => '__proto__,constructor,text\na,b,c\n'],
  ['zero bytes', () => '\0'.repeat(MEBIBYTE)],
];

function mutateText(random: Random, name: string, bytes: Buffer): Mutated {
  const kind = random.next();
  if (kind < 0.5) return mutateBytes(random, bytes);
  if (kind < 0.6) {
    const [what, text] = random.of(TEXTS);
    return { what, bytes: Buffer.from(text()) };
  }
  if (name.includes('.json')) {
    const text = bytes.toString('utf8');
    const rows: unknown[] = name.includes('.jsonl')
      ? text
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line))
      : JSON.parse(text);
    const { what, value } = mutateValue(random, rows);
    const changed =
      Array.isArray(value) && name.includes('.jsonl')
        ? value.map((row) => `${printJson(row)}\n`).join('')
        : printJson(value);
    return { what, bytes: Buffer.from(changed) };
  }
  const mark = random.of(['"', ',', '\t', '\n', '\r', '""', '\ufeff', '\0', '1e999', 'nan']);
  const at = random.below(bytes.length);
  return {
    what: `${JSON.stringify(mark)} at ${at}`,
    bytes: Buffer.concat([bytes.subarray(0, at), Buffer.from(mark), bytes.subarray(at)]),
  };
}

/** Members one after the other are one content, so a small file is a large one. */
function bomb(random: Random): Mutated {
  const member = gzipSync(random.of(['a', ' ', '"']).repeat(MEBIBYTE));
  return { what: 'a bomb', bytes: Buffer.concat(Array<Buffer>(600).fill(member)) };
}

function mutate(random: Random, name: string, bytes: Buffer): Mutated & { leadsOut?: boolean } {
  if (name === 'state.json' && random.chance(0.3)) {
    const state = JSON.parse(bytes.toString('utf8'));
    const way = random.of(OUTSIDE);
    state._data_files[0].filename = `${way}/${state._data_files[0].filename}`;
    return { what: `a path is ${way}`, bytes: Buffer.from(JSON.stringify(state)), leadsOut: true };
  }
  if (name.endsWith('.parquet')) return mutateParquet(random, bytes);
  if (name.endsWith('.arrow')) return mutateArrow(random, bytes);
  if (/^(state|dataset_info)\.json$/.test(name)) return mutateJson(random, bytes);
  if (!name.endsWith('.gz')) return mutateText(random, name, bytes);
  if (random.chance(0.02)) return bomb(random);
  if (random.chance(0.5)) return mutateBytes(random, bytes);
  const { what, bytes: changed } = mutateText(random, name, gunzipSync(bytes));
  return { what: `within: ${what}`, bytes: gzipSync(changed) };
}

/** So many are read of a file that gives rows without end: what comes then is no other. */
const MOST_ROWS = 100_000;

async function readRows(path: string, streaming: boolean, skips: boolean): Promise<Row[]> {
  const options = { split: 'train', ...(skips && { onBadRecord: 'skip' as const }) };
  const rows: Row[] = [];
  for await (const row of streaming
    ? await loadDataset(path, { ...options, streaming })
    : await loadDataset(path, options)) {
    if (rows.push(row) === MOST_ROWS) break;
  }
  return rows;
}

/** Writes files to a place of its own, one after the other, each changed. */
export async function createData(): Promise<Target> {
  const root = mkdtempSync(join(tmpdir(), 'uniem-fuzz-'));
  process.on('exit', () => rmSync(root, { recursive: true, force: true }));
  process.on('warning', () => {}); // what was skipped
  const all = subjects();
  const expected = new Map<string, Row[]>();
  const write = (path: string, bytes: Uint8Array) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), bytes);
  };
  for (const { path, files } of all) {
    for (const [name, bytes] of files) {
      write(name, bytes);
      if (path === 'saved') {
        write(basename(name), bytes); // where `..` leads to
        write(name.replace('saved', 'outside'), bytes);
      }
    }
    if (!expected.has(path)) expected.set(path, await readRows(join(root, path), false, false));
  }

  const run: Target['run'] = async (random, begin) => {
    const { path, files, target } = random.of(all);
    const [streaming, skips] = [random.chance(0.5), random.chance(0.2)];
    const changed = mutate(random, basename(target), files.get(target) as Buffer);
    const what = `${target}${streaming ? ', streamed' : ''}${skips ? ', skipping' : ''}: ${changed.what}`;
    begin(what);
    write(target, changed.bytes);
    try {
      const rows = await readRows(join(root, path), streaming, skips);
      let problem = rows.every((row) => typeof row === 'object' && row !== null) ? undefined : 'gave what is no row';
      if (changed.leadsOut) problem = 'read what lies outside the folder';
      if (changed.sameValues && target.endsWith('.parquet') && !isDeepStrictEqual(rows, expected.get(path))) {
        problem = 'gave other rows, though no value was changed';
      }
      return { what, result: 'opened', problem };
    } catch (error) {
      return { what, result: 'refused', problem: problemOf(error, (error) => error instanceof DataError) };
    } finally {
      write(target, files.get(target) as Buffer);
    }
  };
  return { run };
}
