/** The cache of huggingface_hub: blobs by content, snapshots of links by commit, refs from names to commits. */

import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { copyFile, mkdir, readdir, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';

import { HubError } from './errors.ts';

export const COMMIT = /^[0-9a-f]{40}$/;

/** A file of a repository, as the hub lists it. */
export interface HubFile {
  path: string;
  /** Bytes. */
  size: number;
  /** The name of its content: the SHA-256 of a large file, git's SHA-1 of a small one. */
  etag: string;
}

/** One repository's part of the cache. */
export class RepoCache {
  readonly folder: string;
  readonly locks: string;

  constructor(cacheDir: string, type: string, name: string) {
    const own = [`${type}s`, ...name.split('/')].join('--');
    this.folder = join(cacheDir, own);
    this.locks = join(cacheDir, '.locks', own);
  }

  blob(etag: string): string {
    return join(this.folder, 'blobs', etag);
  }

  snapshot(commit: string): string {
    return join(this.folder, 'snapshots', commit);
  }

  /** Where a file of a commit is. @throws HubError for a path that leads out of the folder. */
  file(commit: string, path: string): string {
    const parts = path.replaceAll('\\', '/').split('/');
    if (
      parts.includes('..') ||
      path.startsWith('/') ||
      path.startsWith('\\') ||
      parts.some((part) => /^[a-z]:/i.test(part))
    ) {
      throw new HubError(
        `a file named '${path}'`,
        this.folder,
        'do not use this repository: the name leads out of its folder',
      );
    }
    return join(this.snapshot(commit), ...parts);
  }

  /** The commit a branch or tag had when it was last asked for. */
  commitOf(revision: string): string | undefined {
    if (COMMIT.test(revision)) return existsSync(this.snapshot(revision)) ? revision : undefined;
    const file = join(this.folder, 'refs', revision);
    return existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined;
  }

  async rememberCommit(revision: string, commit: string): Promise<void> {
    if (COMMIT.test(revision) || this.commitOf(revision) === commit) return;
    const file = join(this.folder, 'refs', revision);
    await mkdir(dirname(file), { recursive: true });
    const partial = `${file}.partial-${process.pid}`;
    await writeFile(partial, commit);
    await rename(partial, file);
  }

  /** Puts a downloaded blob under its name in a commit's folder. */
  async link(commit: string, path: string, etag: string): Promise<string> {
    const file = this.file(commit, path);
    if (existsSync(file)) return file;
    await mkdir(dirname(file), { recursive: true });
    const made = `${file}.partial-${process.pid}`;
    await rm(made, { force: true });
    try {
      await symlink(relative(dirname(file), this.blob(etag)), made);
    } catch {
      await copyFile(this.blob(etag), made); // Windows allows links to few
    }
    await rename(made, file);
    return file;
  }

  /** The files of a commit that were downloaded. */
  async files(commit: string): Promise<HubFile[]> {
    const folder = this.snapshot(commit);
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    const files: HubFile[] = [];
    for (const entry of entries.filter((candidate) => !candidate.isDirectory())) {
      const file = join(entry.parentPath, entry.name);
      const { size } = await stat(file);
      files.push({ path: relative(folder, file).replaceAll('\\', '/'), size, etag: '' });
    }
    return files.sort((a, b) => (a.path < b.path ? -1 : 1));
  }
}

/** Whether a file's content has the name the hub gave it. */
export async function matchesEtag(file: string, { etag, size }: HubFile): Promise<boolean> {
  const large = etag.length === 64;
  const hash = createHash(large ? 'sha256' : 'sha1');
  if (!large) hash.update(`blob ${size}\0`); // git's name of a file is that of its header and content
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex') === etag;
}
