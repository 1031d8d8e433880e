import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, describe, expect, test } from 'vitest';

import { withLock } from './lock.ts';

const folder = mkdtempSync(join(tmpdir(), 'uniem-lock-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('withLock', () => {
  test('lets one in at a time, and leaves nothing', async () => {
    const path = join(folder, 'deep', 'a.lock');
    let inside = 0;
    let most = 0;
    const work = async () => {
      inside += 1;
      most = Math.max(most, inside);
      await wait(20);
      inside -= 1;
    };
    await Promise.all([1, 2, 3, 4].map(() => withLock(path, work)));
    expect(most).toBe(1);
    expect(readdirSync(join(folder, 'deep'))).toEqual([]);
  });

  test('is open again after work that failed', async () => {
    const path = join(folder, 'b.lock');
    await expect(withLock(path, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await withLock(path, async () => 1)).toBe(1);
  });

  test('takes over from a process that is gone, at once on this machine', async () => {
    const path = join(folder, 'c.lock');
    writeFileSync(path, `${hostname()} 999999999 x`);
    expect(await withLock(path, async () => 1)).toBe(1);
  });

  test('takes over from another machine that has not said for long that it lives', async () => {
    const path = join(folder, 'd.lock');
    writeFileSync(path, 'elsewhere 1 x');
    const long = new Date(Date.now() - 60_000);
    utimesSync(path, long, long);
    expect(await withLock(path, async () => 1)).toBe(1);
    writeFileSync(path, 'elsewhere 1 x');
    const held = withLock(path, async () => 1);
    expect(await Promise.race([held, wait(200).then(() => 'waits')])).toBe('waits');
    rmSync(path);
    expect(await held).toBe(1);
  });
});
