/** One file of the hub to disk: goes on where it broke off, checked, and under its name only when whole. */

import { existsSync } from 'node:fs';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

import { type HubFile, matchesEtag } from './cache.ts';
import { HubError } from './errors.ts';
import { Patience, request, statusError, unreachable } from './request.ts';
import type { HubSettings } from './settings.ts';

/** Bytes after which failures before them do not count, so that a large file can be had over a bad line. */
const PROGRESS = 1 << 23;

/**
 * Downloads a file to `target`; what was got before is kept in `<target>.incomplete`. The caller holds the lock.
 *
 * @throws HubError where it cannot be had, or has not the content that the hub named.
 */
export async function downloadTo(
  settings: HubSettings,
  url: string,
  where: string,
  file: HubFile,
  target: string,
): Promise<void> {
  if (existsSync(target)) return;
  await mkdir(dirname(target), { recursive: true });
  const partial = `${target}.incomplete`;
  for (let attempt = 1; ; attempt++) {
    await fill(settings, url, where, file, partial);
    if (await matchesEtag(partial, file)) break;
    await rm(partial, { force: true });
    // What was there before this run may have been another content: once more, from the start.
    if (attempt === 2) {
      throw new HubError(
        `its content is not ${file.etag}, which the hub names`,
        where,
        'try again; a mirror may serve another version',
      );
    }
  }
  await rename(partial, target);
}

async function fill(
  settings: HubSettings,
  url: string,
  where: string,
  { size }: HubFile,
  partial: string,
): Promise<void> {
  const patience = new Patience(settings.retryDelay);
  const handle = await open(partial, 'a');
  try {
    let done = (await stat(partial)).size;
    if (done > size) {
      await handle.truncate(0);
      done = 0;
    }
    while (done < size) {
      const headers = new Headers({ 'Accept-Encoding': 'identity' });
      if (done > 0) headers.set('Range', `bytes=${done}-`);
      const response = await request(settings, url, { headers });
      if (!response.ok) {
        await response.body?.cancel();
        throw statusError(response.status, where, { token: settings.token !== undefined, missing: 'load it again' });
      }
      if (response.status !== 206 && done > 0) {
        await handle.truncate(0); // a server without ranges sends all of it
        done = 0;
      }
      const before = done;
      let broken: unknown = new Error(`${size - done} bytes are missing`);
      try {
        for await (const chunk of response.body ?? []) {
          await handle.appendFile(chunk as Uint8Array);
          done += (chunk as Uint8Array).length;
          if (done > size) break;
        }
      } catch (cause) {
        broken = cause;
      }
      if (done >= size) break;
      if (done - before >= PROGRESS) patience.renew();
      if (!(await patience.after())) throw unreachable(where, broken);
    }
  } finally {
    await handle.close();
  }
}
