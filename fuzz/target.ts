/** What a child process tries: a case of chance, and what came of it. */

import type { Random } from './random.ts';

export interface Outcome {
  /** The file and what was done to it. */
  what: string;
  /** 'refused' by an error of ours, or 'opened'. */
  result: 'refused' | 'opened';
  /** What is wrong with that; undefined where nothing is. */
  problem?: string | undefined;
}

export interface Target {
  /** @param begin Is told what is tried before it is, for a case that does not end. */
  run(random: Random, begin: (what: string) => void): Promise<Outcome>;
}

/** What an error that names its fix may have; a megabyte of the file in it helps nobody. */
const LONGEST_MESSAGE = 2000;

/** What is wrong with an error; undefined for one of ours, which says what to do. */
export function problemOf(error: unknown, isOurs: (error: unknown) => boolean): string | undefined {
  if (!(error instanceof Error)) return `threw ${String(error)}`;
  if (!isOurs(error)) return `${error.stack ?? error}`.slice(0, LONGEST_MESSAGE);
  if (!/\n {2}fix: ./.test(error.message)) return `an error without a fix: ${error.message.slice(0, 200)}`;
  if (error.message.length > LONGEST_MESSAGE) {
    return `a message of ${error.message.length} characters: ${error.message.slice(0, 200)}`;
  }
  return undefined;
}
