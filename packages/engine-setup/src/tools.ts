/** Programs that a set-up runs, with errors that say what is missing and which command brings it. */

import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

import type { BackendErrorClass } from './errors.ts';

const execute = promisify(execFile);
const OUTPUT_LIMIT = 2 ** 24; // bytes of a compiler's messages
const SHOWN = 4000; // characters of them in an error

export interface Tool {
  command: string;
  /** Arguments of a call that succeeds where the tool works. */
  probe: string[];
  /** The command that installs it. */
  install: string;
}

const PYTHON: Tool = { command: 'python3', probe: ['--version'], install: 'apt-get install python3' };
const PIP: Tool = { command: 'python3', probe: ['-m', 'pip', '--version'], install: 'apt-get install python3-pip' };
const COMPILER: Tool = { command: 'g++', probe: ['--version'], install: 'apt-get install g++' };
const BINUTILS: Tool[] = ['ld', 'objcopy'].map((command) => ({
  command,
  probe: ['--version'],
  install: 'apt-get install binutils',
}));

/** Runs programs on behalf of one engine, whose error class tells what went wrong. */
export class Toolbox {
  static readonly PYTHON: readonly Tool[] = [PYTHON, PIP];
  static readonly COMPILER: readonly Tool[] = [COMPILER];
  static readonly BINUTILS: readonly Tool[] = BINUTILS;

  readonly #Failure: BackendErrorClass;

  constructor(Failure: BackendErrorClass) {
    this.#Failure = Failure;
  }

  /** @throws The engine's error for the first tool that does not work. */
  async require(...tools: Tool[]): Promise<void> {
    for (const { command, probe, install } of tools) {
      await execute(command, probe).catch((cause: unknown) => {
        throw new this.#Failure(`${[command, ...probe].join(' ')} does not work here`, `run: ${install}`, { cause });
      });
    }
  }

  /** @throws The engine's error with the end of what the program wrote to stderr. */
  async run(what: string, fix: string, command: string, args: readonly string[]): Promise<void> {
    await execute(command, [...args], { maxBuffer: OUTPUT_LIMIT }).catch((cause: Error & { stderr?: string }) => {
      throw new this.#Failure(`${what}: ${cause.stderr?.trim().slice(-SHOWN) || cause.message}`, fix, { cause });
    });
  }
}

/**
 * Downloads wheels of PyPI, without what they depend on.
 *
 * @param requirements Names with versions, as `tensorflow-cpu==2.21.0`.
 * @returns The wheels' files in `folder`.
 */
export async function downloadWheels(
  toolbox: Toolbox,
  folder: string,
  requirements: readonly string[],
): Promise<string[]> {
  await toolbox.run('pip download failed', 'check the network and pip', 'python3', [
    ...['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary=:all:'],
    ...['--dest', folder, ...requirements],
  ]);
  return readdirSync(folder)
    .filter((name) => name.endsWith('.whl'))
    .map((name) => join(folder, name));
}
