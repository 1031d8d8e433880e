/**
 * A file that is written over a long time and survives a kill at any instant: the bytes go to `<path>.partial`, and a
 * journal beside it says how many of them count and what the work has to know to go on. The file takes its name when
 * it is whole.
 */

import { type FileHandle, open, readFile, rename, rm, stat } from 'node:fs/promises';

import { DataError } from '../errors.ts';
import { ignoreMissing, lockFile } from './file-lock.ts';

/** What the work was asked to do: options by name. A run with others cannot go on. */
export type RunOptions = Readonly<Record<string, unknown>>;

interface Journal {
  run: RunOptions;
  /** Bytes of the partial file that count. */
  bytes: number;
  state: unknown;
  /** Whether nothing is missing but the file's name. */
  whole: boolean;
}

/** A journal that was just written is not written again: ms. */
const NOTE_EVERY = 500;

export class ResumableFile {
  readonly path: string;
  /** What the interrupted run had noted last; undefined where the work begins. */
  readonly resumed: unknown;
  readonly #file: FileHandle;
  readonly #run: RunOptions;
  readonly #unlock: () => Promise<void>;
  #bytes: number;
  #noted = 0;
  #kept: boolean;

  private constructor(
    path: string,
    file: FileHandle,
    run: RunOptions,
    journal: Journal | undefined,
    unlock: () => Promise<void>,
  ) {
    this.path = path;
    this.#unlock = unlock;
    this.#file = file;
    this.#run = run;
    this.#bytes = journal?.bytes ?? 0;
    this.#kept = journal !== undefined;
    this.resumed = journal?.state;
  }

  /**
   * Begins the file anew, or with `resume` goes on after an interrupted run.
   *
   * @returns Undefined where the interrupted run had only to name the file, which is done now.
   * @throws DataError where the options are others than the interrupted run's, another process writes the file, or the
   *   disk says no.
   */
  static async open(path: string, run: RunOptions, resume: boolean): Promise<ResumableFile | undefined> {
    const unlock = await lockFile(path, `${path}.partial.lock`).catch((cause) => {
      throw cause instanceof DataError ? cause : diskError(path, cause);
    });
    try {
      const plain: RunOptions = JSON.parse(JSON.stringify(run));
      const journal = resume ? await readJournal(path) : undefined;
      if (journal && !journal.whole) await requireBytes(path, journal.bytes);
      if (journal) {
        requireSame(journal.run, plain);
        if (journal.whole) {
          await rename(partialOf(path), path).catch(ignoreMissing); // it may have been renamed already
          await rm(journalOf(path), { force: true });
          await unlock();
          return undefined;
        }
      } else await rm(journalOf(path), { force: true });
      const file = await open(partialOf(path), journal ? 'r+' : 'w').catch((cause) => {
        throw diskError(path, cause);
      });
      await file.truncate(journal?.bytes ?? 0); // what was written after the last note
      return new ResumableFile(path, file, plain, journal, unlock);
    } catch (error) {
      await unlock();
      throw error;
    }
  }

  /** Bytes so far. */
  get bytes(): number {
    return this.#bytes;
  }

  async append(pieces: Iterable<Uint8Array>): Promise<void> {
    for (const piece of pieces) {
      await this.#write(piece, this.#bytes);
      this.#bytes += piece.length;
    }
  }

  /** Notes that the bytes so far are good, and what the work has to know to go on after them: plain JSON. */
  async note(state: unknown): Promise<void> {
    const now = performance.now();
    if (this.#kept && now - this.#noted < NOTE_EVERY) return;
    await this.#journal(state, false);
    this.#noted = performance.now();
  }

  /** Gives the file its name. @param head Takes the place of the file's first bytes. */
  async finish(head?: Uint8Array): Promise<void> {
    if (head) await this.#write(head, 0);
    await this.#journal(null, true);
    await this.#file.close();
    await rename(partialOf(this.path), this.path);
    await rm(journalOf(this.path), { force: true });
    await this.#unlock();
  }

  /**
   * After an error: keeps what was noted for another run to go on, else leaves nothing.
   *
   * @returns Whether a run can go on.
   */
  async abandon(): Promise<boolean> {
    await this.#file.close().catch(() => {});
    if (!this.#kept) await rm(partialOf(this.path), { force: true });
    await this.#unlock();
    return this.#kept;
  }

  async #write(bytes: Uint8Array, at: number): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      try {
        const { bytesWritten } = await this.#file.write(bytes, done, bytes.length - done, at + done);
        done += bytesWritten;
      } catch (cause) {
        throw diskError(this.path, cause);
      }
    }
  }

  /** The bytes are on the disk before the journal says so. */
  async #journal(state: unknown, whole: boolean): Promise<void> {
    const journal: Journal = { run: this.#run, bytes: this.#bytes, state, whole };
    const beside = `${journalOf(this.path)}.new`;
    try {
      await this.#file.datasync();
      const file = await open(beside, 'w');
      try {
        await file.writeFile(JSON.stringify(journal));
        await file.datasync();
      } finally {
        await file.close();
      }
      await rename(beside, journalOf(this.path));
    } catch (cause) {
      throw diskError(this.path, cause);
    }
    this.#kept = true;
  }
}

const partialOf = (path: string) => `${path}.partial`;
const journalOf = (path: string) => `${path}.partial.json`;

async function readJournal(path: string): Promise<Journal | undefined> {
  const text = await readFile(journalOf(path), 'utf8').catch(ignoreMissing);
  if (text === undefined) return undefined;
  try {
    const journal = JSON.parse(text) as Journal; // renamed when whole: what we wrote
    if (typeof journal.bytes === 'number' && typeof journal.run === 'object') return journal;
  } catch {} // an error as below
  throw new DataError('is no journal of an interrupted run', journalOf(path), 'delete it to begin anew');
}

async function requireBytes(path: string, bytes: number): Promise<void> {
  const size = (await stat(partialOf(path)).catch(ignoreMissing))?.size ?? 0;
  if (size >= bytes) return;
  const what = `has ${size} bytes, and its journal counts ${bytes}`;
  throw new DataError(what, partialOf(path), 'leave resume out to begin anew');
}

function requireSame(before: RunOptions, now: RunOptions): void {
  for (const name of new Set([...Object.keys(before), ...Object.keys(now)])) {
    const [old, given] = [before[name], now[name]].map((value) => JSON.stringify(value) ?? 'not given');
    if (old === given) continue;
    throw new DataError(
      `${name} was ${old} and is ${given} now`,
      'resume',
      'give the options of the interrupted run, or leave resume out to begin anew',
    );
  }
}

function diskError(path: string, cause: unknown): Error {
  const what = `could not be written (${(cause as Error).message})`;
  return new DataError(what, path, 'free disk space or choose another path', { cause });
}
