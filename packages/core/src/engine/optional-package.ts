/** Packages that an installation may leave out: the engines tensorflow and wasm. */

import { EngineError } from '../errors.ts';

/**
 * What `load` imports.
 *
 * @param load Imports the package.
 * @param name The package, with the version to install if not any will do.
 * @param where What needs it, as `engine tensorflow`.
 * @throws EngineError with the command that installs it, where it is not installed.
 */
export async function importOptional<T>(load: () => Promise<T>, name: string, where: string): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if (!isMissing(error, name)) throw error;
    throw new EngineError(`${name} is not installed`, where, `run: npm install ${name}`, { cause: error });
  }
}

/** Another package that is missing, one that this package imports, is not this case. */
function isMissing(error: unknown, name: string): boolean {
  const { code, message } = error as NodeJS.ErrnoException;
  const bare = name.replace(/(?<=.)@[^@/]*$/, '');
  return code === 'ERR_MODULE_NOT_FOUND' && message.startsWith(`Cannot find package '${bare}'`);
}
