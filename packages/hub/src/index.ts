/** Files of the Hugging Face hub. The public names of @uniem/hub. */

export type { HubFile } from './cache.ts';
export { HubError } from './errors.ts';
export { type HubName, parseHubName } from './hub-name.ts';
export { withLock } from './lock.ts';
export { type PushedFolder, type PushOptions, pushFolder } from './push.ts';
export { RemoteFile } from './remote-file.ts';
export { openRepository, Repository, type RepositoryId } from './repository.ts';
export { type HubOptions, type HubSettings, hubSettings } from './settings.ts';
