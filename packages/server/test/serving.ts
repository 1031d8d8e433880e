/** Servers of small real models for the tests, on free ports of loopback. */

import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { expect } from 'vitest';

import { type RunningServer, type ServerOptions, startServer } from '../src/index.ts';

export const fixtures = fileURLToPath(new URL('../../../fixtures/', import.meta.url));

/** A BERT of two layers, 32 wide, without a layout around it. */
export const TINY = join(fixtures, 'tiny-bert', 'model');

/** Of fixtures/sentence-transformers/generate.py. */
export const GOLDEN: {
  texts: string[];
  dense: Record<'document' | 'query' | 'none' | 'truncated' | 'truncatedNormalized', number[][]>;
} = JSON.parse(readFileSync(join(fixtures, 'sentence-transformers', 'expected.json'), 'utf8'));

/** Starts a server and closes it again. */
export async function withServer(options: ServerOptions, use: (server: RunningServer) => Promise<void>): Promise<void> {
  const server = await startServer({ port: 0, backend: 'cpu', ...options });
  try {
    await use(server);
  } finally {
    await server.close();
  }
}

/** A folder with prompts, dense layers and normalization, as sentence-transformers saved it. */
export function denseModel(): { path: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'uniem-serve-'));
  const path = join(folder, 'dense');
  cpSync(TINY, path, { recursive: true });
  cpSync(join(fixtures, 'sentence-transformers', 'compact', 'dense'), path, { recursive: true });
  return { path, remove: () => rmSync(folder, { recursive: true }) };
}

export function post(url: string, body: unknown, init: RequestInit = {}): Promise<Response> {
  const headers = { 'content-type': 'application/json', ...init.headers };
  return fetch(url, { method: 'POST', body: JSON.stringify(body), ...init, headers });
}

export function expectClose(
  actual: readonly ArrayLike<number>[],
  expected: readonly number[][],
  tolerance: number,
): void {
  expect(actual).toHaveLength(expected.length);
  expected.forEach((row, i) => {
    expect(actual[i]).toHaveLength(row.length);
    const most = Math.max(...row.map((value, j) => Math.abs(value - (actual[i]?.[j] as number))));
    expect(most, `row ${i}`).toBeLessThan(tolerance);
  });
}
