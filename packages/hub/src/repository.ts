/** A model's or dataset's repository on the hub, at one commit. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { datasetInfo, HubApiError, listFiles, modelInfo } from '@huggingface/hub';

import { COMMIT, type HubFile, RepoCache } from './cache.ts';
import { checkCallback, checkPath, checkRepositoryId } from './checks.ts';
import { downloadTo } from './download.ts';
import { HubError } from './errors.ts';
import { withLock } from './lock.ts';
import { RemoteFile } from './remote-file.ts';
import { request, statusError } from './request.ts';
import { type HubOptions, type HubSettings, hubSettings } from './settings.ts';

export interface RepositoryId {
  type: 'model' | 'dataset';
  /** `owner/name`. */
  name: string;
  /** Branch, tag or commit; main if left out. */
  revision?: string | undefined;
}

/**
 * Opens a repository: finds the commit of its revision, so that all files are of one version.
 *
 * Without network, the commit that was there last is taken, with a warning; offline, without asking.
 *
 * @throws HubError where it is not there, may not be read, or the hub cannot be reached and nothing is cached.
 */
export async function openRepository(id: RepositoryId, options: HubOptions = {}): Promise<Repository> {
  checkRepositoryId(id);
  const settings = hubSettings(options);
  const revision = id.revision ?? 'main';
  const cache = new RepoCache(settings.cacheDir, id.type, id.name);
  const cached = cache.commitOf(revision);
  if (settings.offline) {
    if (cached) return new Repository(id, revision, cached, settings, cache, true);
    throw new HubError(
      `revision ${revision} is not cached, and HF_HUB_OFFLINE is set`,
      id.name,
      'load it once with network',
    );
  }
  if (COMMIT.test(revision) && cached) return new Repository(id, revision, cached, settings, cache, false);
  let commit: string;
  try {
    commit = await commitOf(id, revision, settings);
  } catch (error) {
    const unreached = error instanceof HubError && (error.status === undefined || error.status >= 500);
    if (!unreached || !cached) throw error;
    process.emitWarning(`${error.message.split('\n')[0]}; using what was cached of ${id.name}`, 'HubWarning');
    return new Repository(id, revision, cached, settings, cache, true);
  }
  await cache.rememberCommit(revision, commit);
  return new Repository(id, revision, commit, settings, cache, false);
}

async function commitOf({ type, name }: RepositoryId, revision: string, settings: HubSettings): Promise<string> {
  const asked = { name, revision, additionalFields: ['sha'] as 'sha'[], hubUrl: settings.endpoint };
  const where = `${name}@${revision}`;
  const { sha } = await translated(settings, where, `check the name of the ${type} and the revision`, () => {
    const params = { ...asked, fetch: fetchWith(settings) };
    return type === 'dataset' ? datasetInfo(params) : modelInfo(params);
  });
  if (COMMIT.test(sha)) return sha;
  throw new HubError(`the hub names no commit (${sha})`, where, 'check HF_ENDPOINT');
}

/** `@huggingface/hub` asks by this: with any kind of token, and patience. */
function fetchWith(settings: HubSettings): typeof fetch {
  return (input, init) => request(settings, String(input), init);
}

/** The library's errors in this package's words. */
async function translated<T>(settings: HubSettings, where: string, missing: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof HubApiError)) throw error;
    throw statusError(error.statusCode, where, { token: settings.token !== undefined, missing });
  }
}

export class Repository {
  readonly id: RepositoryId;
  /** What was asked for. */
  readonly revision: string;
  /** What that was, 40 hexadecimal digits. */
  readonly commit: string;
  readonly #settings: HubSettings;
  readonly #cache: RepoCache;
  /** Whether only what is cached can be had. */
  readonly #offline: boolean;
  #files: Promise<HubFile[]> | undefined;

  constructor(
    id: RepositoryId,
    revision: string,
    commit: string,
    settings: HubSettings,
    cache: RepoCache,
    offline: boolean,
  ) {
    this.id = id;
    this.revision = revision;
    this.commit = commit;
    this.#settings = settings;
    this.#cache = cache;
    this.#offline = offline;
  }

  /** All files, in the order of their paths; offline, those that are cached. */
  files(): Promise<HubFile[]> {
    this.#files ??= this.#offline ? this.#cache.files(this.commit) : this.#list();
    return this.#files;
  }

  async #list(): Promise<HubFile[]> {
    const files: HubFile[] = [];
    const { type, name } = this.id;
    await translated(this.#settings, this.#where(), 'check the name and the revision', async () => {
      const asked = { repo: { type, name }, revision: this.commit, recursive: true, hubUrl: this.#settings.endpoint };
      for await (const entry of listFiles({ ...asked, fetch: fetchWith(this.#settings) })) {
        if (entry.type === 'file')
          files.push({ path: entry.path, size: entry.size, etag: entry.lfs?.oid ?? entry.oid ?? '' });
      }
    });
    return files.sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  /**
   * A file on disk, downloaded unless it is cached.
   *
   * @returns Its path in the cache, in the folder of the commit.
   */
  async download(path: string): Promise<string> {
    checkPath(path);
    const local = this.#cache.file(this.commit, path);
    if (existsSync(local)) return local;
    const file = await this.#file(path);
    const blob = this.#cache.blob(file.etag);
    const lock = join(this.#cache.locks, `${file.etag}.uniem.lock`);
    await withLock(lock, () => downloadTo(this.#settings, this.#url(path), this.#where(path), file, blob));
    return this.#cache.link(this.commit, path, file.etag);
  }

  /** Several files on disk. @returns The folder that holds them under their own paths. */
  async downloadAll(wanted: (path: string) => boolean): Promise<string> {
    checkCallback(wanted, 'wanted');
    for (const { path } of await this.files()) if (wanted(path)) await this.download(path);
    return this.#cache.snapshot(this.commit);
  }

  /** A file read where it lies, by ranges. @throws HubError offline. */
  async open(path: string): Promise<RemoteFile> {
    checkPath(path);
    const { size } = await this.#file(path);
    if (this.#offline) throw this.#uncached(path);
    return new RemoteFile(this.#settings, this.#url(path), this.#where(path), size);
  }

  /** Where the file is on disk, if it was downloaded. */
  cached(path: string): string | undefined {
    checkPath(path);
    const local = this.#cache.file(this.commit, path);
    return existsSync(local) ? local : undefined;
  }

  async #file(path: string): Promise<HubFile> {
    const file = (await this.files()).find((candidate) => candidate.path === path);
    if (file) return file;
    if (this.#offline) throw this.#uncached(path);
    throw new HubError('not found in the repository', this.#where(path), 'check the name of the file');
  }

  #uncached(path: string): HubError {
    return new HubError('not cached, and the hub is not asked', this.#where(path), 'load it once with network');
  }

  #url(path: string): string {
    const { type, name } = this.id;
    const encoded = path.split('/').map(encodeURIComponent).join('/');
    return `${this.#settings.endpoint}/${type === 'dataset' ? 'datasets/' : ''}${name}/resolve/${this.commit}/${encoded}`;
  }

  /** As errors name it; a file's ends with its own name. */
  #where(path?: string): string {
    const repository = `${this.id.name}@${this.revision}`;
    return path === undefined ? repository : `${repository}/${path}`;
  }
}
