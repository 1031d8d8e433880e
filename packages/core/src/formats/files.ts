/** Files read with good errors and written whole: beside the target first, then renamed. */

import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';

import { CALLBACK, NAME, TEXT } from '@uniem/hub/arguments';

import { requireKind, requireList } from '../arguments.ts';
import { ModelError, OptionError } from '../errors.ts';

/** Parses a JSON file that holds an object; a missing or broken one is a ModelError naming it. */
export function readJson(path: string): Record<string, unknown> {
  const value = readJsonValue(path);
  if (isObject(value)) return value;
  throw new ModelError('does not hold a JSON object', path, 'download the model again');
}

/** A file of text; a missing one is a ModelError naming it. */
export function readText(path: string): string {
  return readWhole(path).toString('utf8');
}

const MAX_FILE_BYTES = 64_000_000; // the largest tokenizers have 35

/** A file that is no weights, as it is. */
export function readWhole(path: string): Buffer {
  let size: number;
  try {
    ({ size } = statSync(path));
    if (size <= MAX_FILE_BYTES) return readFileSync(path);
  } catch (cause) {
    throw new ModelError('file not found or not readable', path, 'give a complete model folder', { cause });
  }
  throw new ModelError(`${size} bytes, where ${MAX_FILE_BYTES} are read`, path, 'download the model again');
}

/** Levels of lists and objects; tokenizer.json, the deepest, has about ten. */
const MAX_DEPTH = 100;

/** @throws SyntaxError also for what is so deep that printing it would overflow the stack. */
export function parseJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  if (!isWithin(value, MAX_DEPTH)) throw new SyntaxError(`more than ${MAX_DEPTH} levels`);
  return value;
}

function isWithin(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return depth > 0 && Object.values(value).every((child) => isWithin(child, depth - 1));
}

/** Parses a JSON file. */
export function readJsonValue(path: string): unknown {
  const text = readText(path);
  try {
    return parseJson(text);
  } catch (cause) {
    throw new ModelError(`not JSON (${(cause as Error).message})`, path, 'download the model again', { cause });
  }
}

/** The error of a weight file whose bytes do not add up. */
export function corruptFile(path: string): (detail: string) => ModelError {
  return (detail) => new ModelError(`truncated or corrupt: ${detail}`, path, 'download or copy the file again');
}

/** Opens a file of weights for as long as `read` takes. */
export function readWeights<T>(path: string, read: (file: number, fileBytes: number) => T): T {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (cause) {
    throw new ModelError('weight file not found', path, 'give a folder that holds it', { cause });
  }
  try {
    const stat = fstatSync(file);
    if (!stat.isFile()) throw new ModelError('is no file', path, 'give a folder that holds a file of this name');
    return read(file, stat.size);
  } finally {
    closeSync(file);
  }
}

/** Bytes of an open file, in memory of their own, so that float views can be made on them. */
export function readBytes(file: number, position: number, length: number): Buffer {
  const bytes = Buffer.from(new ArrayBuffer(length));
  for (let done = 0; done < length; ) {
    const read = readSync(file, bytes, done, Math.min(length - done, 2 ** 30), position + done); // a call reads 2 GiB at most
    if (read === 0) throw new Error(`internal: end of file at byte ${position + done}`);
    done += read;
  }
  return bytes;
}

/** A JSON value that is an object, and no list. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether a value read from a file is a list of sizes: whole numbers, none below 0. */
export function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((count) => Number.isSafeInteger(count) && count >= 0);
}

/**
 * Writes a JSON object as its earlier text had it: `2.0` stays, where JSON.stringify writes 2, since Python reads another
 * type and transformers refuses config.json for it.
 *
 * @param before The earlier text; a key with such a number there has one here, wherever it stands.
 */
export function stringifyAs(before: string, value: Record<string, unknown>): string {
  const numbers = before.matchAll(/"([^"\\]+)"\s*:\s*(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)/g);
  const floats = new Set([...numbers].flatMap(([, key, number]) => (/[.eE]/.test(number as string) ? [key] : [])));
  const text = JSON.stringify(value, null, 2);
  return text.replace(/^( *"([^"\\]+)": -?\d+)(?=,?$)/gm, (line, start, key) =>
    floats.has(key) ? `${start}.0` : line,
  );
}

/** Writes beside the path and renames when whole. @throws OptionError where the disk says no. */
export function writeFileWhole(path: string, content: string | Uint8Array): void {
  requireKind(path, NAME, 'path');
  const isBytes = (value: unknown) => TEXT.is(value) || value instanceof Uint8Array;
  requireKind(content, { name: 'a string or bytes', is: isBytes }, 'content');
  const partial = `${path}.partial-${process.pid}`;
  try {
    writeFileSync(partial, content);
    renameSync(partial, path);
  } catch (cause) {
    rmSync(partial, { force: true });
    const what = `could not be written (${(cause as Error).message})`;
    throw new OptionError(what, path, 'free disk space or choose another path', { cause });
  }
}

/** A StaticEmbedding has no config.json. */
const MODEL_MARKS: readonly string[] = ['config.json', 'modules.json'];

/**
 * Makes a folder appear whole or not at all: `fill` writes into a sibling, which then takes the target's name.
 * An earlier folder stays until the new one is complete; a failed `fill` leaves it untouched.
 *
 * @param marks Files of which every such folder holds one: one without is somebody else's.
 * @throws OptionError where the target holds something else, ModelError where the disk says no.
 */
export async function writeFolderWhole(
  target: string,
  fill: (folder: string) => void | Promise<void>,
  marks = MODEL_MARKS,
): Promise<void> {
  requireKind(fill, CALLBACK, 'fill');
  refuseForeignFolder(target, marks);
  try {
    const partial = join(dirname(target), `.${basename(target)}.partial-${process.pid}`);
    mkdirSync(partial, { recursive: true });
    try {
      await fill(partial);
      replaceFolder(target, partial);
    } finally {
      rmSync(partial, { recursive: true, force: true });
    }
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === undefined) throw cause; // no word of the disk's
    throw new ModelError(
      `could not be saved (${(cause as Error).message})`,
      target,
      'free disk space or choose another folder; what was there before is unchanged',
      { cause },
    );
  }
}

/** No rename replaces a folder that is not empty: the old one steps aside, and back where the new one fails. */
function replaceFolder(target: string, replacement: string): void {
  const previous = join(dirname(target), `.${basename(target)}.previous-${process.pid}`);
  const replaces = existsSync(target);
  if (replaces) renameSync(target, previous);
  try {
    renameSync(replacement, target);
  } catch (cause) {
    if (replaces) renameSync(previous, target);
    throw cause;
  }
  rmSync(previous, { recursive: true, force: true });
}

/** @throws OptionError for a path that must not be taken: a file, or a folder that holds something without a mark. */
export function refuseForeignFolder(target: string, marks = MODEL_MARKS): void {
  requireKind(target, NAME, 'folder');
  requireList(marks, NAME, 'marks');
  if (!existsSync(target)) return;
  if (!statSync(target).isDirectory()) throw new OptionError('is a file', target, 'give the path of a folder');
  const entries = readdirSync(target);
  if (entries.length === 0 || marks.some((mark) => entries.includes(mark))) return;
  throw new OptionError(
    `the folder holds something else (${entries.slice(0, 3).join(', ')})`,
    target,
    'give a new folder, or one that holds an earlier model',
  );
}
