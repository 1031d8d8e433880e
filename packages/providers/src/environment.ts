/** Keys from the environment and from a .env file, by the names that the vendors' own clients use. */

import { existsSync, readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';

import { ProviderError } from './errors.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The process's environment over that of a file, read as `node --env-file` does. process.env stays as it is.
 *
 * @param file A file that need not be there.
 */
export function readEnvironment(file = '.env'): Environment {
  if (!existsSync(file)) return process.env;
  try {
    return { ...parseEnv(readFileSync(file, 'utf8')), ...process.env };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ProviderError(
      'options',
      `cannot be read (${code ?? 'not a .env file'})`,
      file,
      'correct or remove the file',
    );
  }
}

/**
 * A key that a header can carry, without blanks around it.
 *
 * @param names Variables, of which the first that is set is taken.
 * @throws ProviderError naming the variable, never its value.
 */
export function keyOf(given: string | undefined, env: Environment, ...names: string[]): string | undefined {
  const name = names.find((one) => (env[one] ?? '').trim() !== '');
  const key = (given ?? (name === undefined ? undefined : env[name]))?.trim();
  if (key === undefined || key === '') return undefined;
  if (/^[\x21-\x7e]+$/.test(key)) return key;
  const where = given === undefined ? (name as string) : 'the key';
  throw new ProviderError(
    'options',
    'contains a character that is not allowed in an HTTP header',
    where,
    'copy the key again',
  );
}

/** @throws ProviderError naming the variables that are not set. */
export function requireKeys(where: string, keys: Readonly<Record<string, string | undefined>>): void {
  const missing = Object.keys(keys).filter((name) => keys[name] === undefined);
  if (missing.length === 0) return;
  const names = missing.join(' and ');
  throw new ProviderError(
    'auth',
    `${names} ${missing.length > 1 ? 'are' : 'is'} not set`,
    where,
    `set ${names} in the environment or in .env`,
  );
}

/** An address without its last slash. @throws ProviderError for what is not an http(s) URL, or carries a password. */
export function addressOf(given: string, where: string): string {
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password || url.search || url.hash) {
    const fix = 'give http:// or https://, a host and a path, without a password or query';
    throw new ProviderError('options', 'is not a plain http(s) URL', where, fix);
  }
  return url.href.replace(/\/+$/, '');
}
