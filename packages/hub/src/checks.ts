/** Checks of arguments that fail with a HubError. */

import { argumentChecks, CALLBACK, FLAG, type Kind, NAME, NUMBER, oneOf } from './arguments.ts';
import { HubError } from './errors.ts';

export const { requireKind, requireList, requireOptions } = argumentChecks(
  (what, where, fix) => new HubError(what, where, fix),
);

const OPTIONS: Record<string, Kind> = {
  endpoint: { name: 'an http or https address', is: (value) => NAME.is(value) && /^https?:\/\//.test(value as string) },
  token: { name: 'a string, or false', is: (value) => NAME.is(value) || value === false },
  cacheDir: NAME,
  offline: FLAG,
  retryDelay: { name: 'a number of ms of at least 0', is: (value) => NUMBER.is(value) && (value as number) >= 0 },
};

/** @throws HubError for an option that is not what HubOptions says. */
export const checkHubOptions = (options: unknown): void => requireOptions(options, OPTIONS, 'hub options');

const ID: Record<string, Kind> = { type: oneOf('model', 'dataset'), name: NAME, revision: NAME };

/** @throws HubError for what names no repository. */
export function checkRepositoryId(id: unknown): void {
  requireOptions(id, ID, 'repository');
  const { type, name } = id as { type: unknown; name: unknown };
  requireKind(type, ID.type as Kind, 'type');
  const isRepository = (value: unknown) => NAME.is(value) && /^[\w-][\w.-]*\/[\w-][\w.-]*$/.test(value as string);
  requireKind(name, { name: 'owner/name', is: isRepository }, 'name');
}

export const checkPath = (path: unknown): void => requireKind(path, NAME, 'path');
export const checkCallback = (callback: unknown, where: string): void => requireKind(callback, CALLBACK, where);
