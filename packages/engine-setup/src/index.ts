/** What the set-ups of the engines share. The public names of @uniem/engine-setup. */

export { cacheRoot } from './cache.ts';
export { BackendError, type BackendErrorClass } from './errors.ts';
export { buildWhole } from './folder.ts';
export { downloadWheels, type Tool, Toolbox } from './tools.ts';
