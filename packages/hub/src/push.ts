/** A folder to a repository on the hub: large files first, then one commit that makes all of it visible at once. */

import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { commitIter, createBranch, createRepo, HubApiError, modelInfo } from '@huggingface/hub';

import { NAME, OBJECT } from './arguments.ts';
import { type HubFile, matchesEtag } from './cache.ts';
import { requireKind } from './checks.ts';
import { HubError } from './errors.ts';
import { openRepository } from './repository.ts';
import { ATTEMPTS, request } from './request.ts';
import { type HubOptions, type HubSettings, hubSettings } from './settings.ts';

export interface PushOptions {
  /** The repository, `owner/name`; created if it does not exist. */
  name: string;
  /** Whether a repository that is created is private; the owner's default if left out. */
  private?: boolean | undefined;
  /** Summary of the commit. */
  message?: string | undefined;
  /** Branch; created from main if it does not exist. main if left out. */
  revision?: string | undefined;
  /** Told each step, one line each. */
  log?: ((line: string) => void) | undefined;
}

export interface PushedFolder {
  /** The page of the repository. */
  url: string;
  commit: string;
}

/** What version control and download tools leave in a folder. */
const IGNORED = /(^|\/)(\.git|\.cache\/huggingface|\.DS_Store)(\/|$)/;

/**
 * Uploads every file of a folder to a model repository in one commit. Files of the repository that the folder lacks stay.
 *
 * Large files that an interrupted push already uploaded are not sent again.
 *
 * @throws HubError where it may not be written, changes meanwhile, or cannot be reached.
 */
export async function pushFolder(folder: string, push: PushOptions, hub: HubOptions = {}): Promise<PushedFolder> {
  requireKind(folder, NAME, 'folder');
  requireKind(push, OBJECT, 'push');
  requireKind(push.name, NAME, 'name');
  const settings = hubSettings(hub);
  const { name, revision = 'main', message = 'Upload model with uniem', log = () => {} } = push;
  if (settings.offline) throw new HubError('not possible offline', name, 'unset HF_HUB_OFFLINE');
  if (!settings.token) throw new HubError('a push needs a token', name, `set HF_TOKEN to ${WRITE_TOKEN}`);
  const paths = await filesOf(folder);
  if (paths.length === 0) throw new HubError('no files to push', folder, 'give the folder of a saved model');
  await ensureRepository(settings, push, log);
  const parentCommit = await ensureBranch(settings, name, revision, log);
  const where = `${name}@${revision}`;
  const url = `${settings.endpoint}/${name}`;
  log(`pushing ${paths.length} files to ${url}`);
  const operations = paths.map((path) => {
    return { operation: 'addOrUpdate' as const, path, content: pathToFileURL(join(folder, path)) };
  });
  const target = { repo: { type: 'model' as const, name }, branch: revision, hubUrl: settings.endpoint };
  // The token travels in `fetch`: the library takes none that does not begin with hf_.
  const steps = commitIter({
    ...target,
    title: message,
    operations,
    parentCommit,
    useXet: false,
    fetch: once(settings),
  });
  try {
    for (;;) {
      const { done, value } = await steps.next();
      if (done) return { url, commit: value?.commit.oid as string };
      if (value.event === 'fileProgress' && value.state === 'uploading' && value.progress === 1) log(value.path);
    }
  } catch (error) {
    if (!mayHaveArrived(error)) throw pushError(error, where);
    const commit = await commitWith(folder, paths, { name, revision, parentCommit }, hub);
    if (commit === undefined) throw pushError(error, where);
    return { url, commit };
  }
}

const WRITE_TOKEN = 'a token that may write to it (https://huggingface.co/settings/tokens)';

async function filesOf(folder: string): Promise<string[]> {
  let entries: string[];
  try {
    entries = await readdir(folder, { recursive: true });
  } catch (cause) {
    throw new HubError('no such folder', folder, 'give the folder of a saved model', { cause });
  }
  const paths = entries.map((path) => path.replaceAll('\\', '/')).filter((path) => !IGNORED.test(path));
  const files = await Promise.all(paths.map(async (path) => (await stat(join(folder, path))).isFile()));
  return paths.filter((_, i) => files[i]).sort();
}

async function ensureRepository(settings: HubSettings, push: PushOptions, log: (line: string) => void): Promise<void> {
  const { name } = push;
  const fetch = fetchWith(settings);
  const hubUrl = settings.endpoint;
  const found = await unlessMissing(name, () => modelInfo({ name, hubUrl, fetch }));
  if (found) {
    if (!push.private || found.private) return;
    throw new HubError(
      'exists and is public',
      name,
      'make it private in its settings on the hub, or push without private',
    );
  }
  const visibility =
    push.private === undefined ? {} : { visibility: push.private ? ('private' as const) : ('public' as const) };
  const asked = { repo: { type: 'model' as const, name }, ...visibility, hubUrl, fetch } as Parameters<
    typeof createRepo
  >[0];
  try {
    await createRepo(asked);
    log(`created ${push.private ? 'private repository' : 'repository'} ${hubUrl}/${name}`);
  } catch (error) {
    if (statusOf(error) !== 409) throw pushError(error, name); // 409: another process was faster
  }
}

/** @returns The commit that the branch is at. */
async function ensureBranch(
  settings: HubSettings,
  name: string,
  revision: string,
  log: (line: string) => void,
): Promise<string> {
  const fetch = fetchWith(settings);
  const hubUrl = settings.endpoint;
  const where = `${name}@${revision}`;
  const head = () => modelInfo({ name, revision, additionalFields: ['sha'], hubUrl, fetch });
  const found = await unlessMissing(where, head);
  if (found) return found.sha;
  try {
    await createBranch({ repo: { type: 'model', name }, branch: revision, hubUrl, fetch });
    log(`created branch ${revision}`);
    return (await head()).sha;
  } catch (error) {
    throw pushError(error, where);
  }
}

async function unlessMissing<T>(where: string, ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw pushError(error, where);
  }
}

/** Patience for all requests but that of the commit, which could otherwise be made twice. */
function once(settings: HubSettings): typeof fetch {
  return (input, init) => request(settings, String(input), init, String(input).includes('/commit/') ? 1 : ATTEMPTS);
}

function fetchWith(settings: HubSettings): typeof fetch {
  return (input, init) => request(settings, String(input), init);
}

/** Whether the hub may have made the commit though its answer did not come. */
function mayHaveArrived(error: unknown): boolean {
  const status = statusOf(error);
  return error instanceof HubError ? status === undefined : status !== undefined && status >= 500;
}

/** The branch's commit, if it is a new one that has all the files. */
async function commitWith(
  folder: string,
  paths: readonly string[],
  { name, revision, parentCommit }: { name: string; revision: string; parentCommit: string },
  hub: HubOptions,
): Promise<string | undefined> {
  const repository = await openRepository({ type: 'model', name, revision }, hub);
  if (repository.commit === parentCommit) return undefined;
  const there = new Map((await repository.files()).map((file): [string, HubFile] => [file.path, file]));
  for (const path of paths) {
    const file = there.get(path);
    if (!file || !(await matchesEtag(join(folder, path), file))) return undefined;
  }
  return repository.commit;
}

function statusOf(error: unknown): number | undefined {
  if (error instanceof HubApiError) return error.statusCode;
  return error instanceof HubError ? error.status : undefined;
}

/** The library's errors in this package's words, with the hub's own reason. */
function pushError(error: unknown, where: string): unknown {
  if (!(error instanceof HubApiError)) return error;
  const { statusCode: status, data } = error;
  const known: Record<number, [string, string]> = {
    401: ['not allowed', `set HF_TOKEN to ${WRITE_TOKEN}`],
    403: ['not allowed', `set HF_TOKEN to ${WRITE_TOKEN}`],
    404: ['not found', 'check the name of the repository and the branch'],
    409: ['the branch changed during the push', 'push again; large files that were uploaded are not sent again'],
    412: ['the branch changed during the push', 'push again; large files that were uploaded are not sent again'],
    429: [
      'the hub asks for fewer requests',
      'wait, then push again; large files that were uploaded are not sent again',
    ],
  };
  const [what, fix] = known[status] ?? [
    'refused by the hub',
    'try again later; large files that were uploaded are not sent again',
  ];
  const reason = typeof data?.error === 'string' ? `: ${data.error}` : '';
  return new HubError(`${what} (${status}${reason})`, where, fix, { cause: error, status });
}
