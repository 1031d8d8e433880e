/** What people type for a repository: `owner/name`, `owner/name@revision`, of datasets also `owner/name:configuration`. */

import { TEXT } from './arguments.ts';
import { requireKind } from './checks.ts';

const HUB_NAME = /^([\w-][\w.-]*\/[\w-][\w.-]*)(?::([^@]+))?(?:@(.+))?$/;

export interface HubName {
  /** `owner/name`. */
  name: string;
  configuration: string | undefined;
  /** Branch, tag or commit. */
  revision: string | undefined;
}

/** Undefined for what cannot be the name of a repository. */
export function parseHubName(text: string): HubName | undefined {
  requireKind(text, TEXT, 'name of a repository');
  const [, name, configuration, revision] = HUB_NAME.exec(text) ?? [];
  return name === undefined ? undefined : { name, configuration, revision };
}
