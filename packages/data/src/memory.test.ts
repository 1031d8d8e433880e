/** What streaming holds: not the file. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { Dataset } from './dataset.ts';

const ROWS = 200_000;
const folder = mkdtempSync(join(tmpdir(), 'uniem-memory-'));
afterAll(() => rmSync(folder, { recursive: true }));

const text = (i: number) => `text ${i} `.repeat(16);

beforeAll(async () => {
  const rows = Dataset.fromRows(Array.from({ length: ROWS }, (_, i) => ({ text: text(i), text_pos: `p${i}` })));
  await rows.toJsonl(join(folder, 'rows.jsonl'));
  await rows.toParquet(join(folder, 'rows.parquet'));
  const lines = [...rows].map((row) => JSON.stringify(row));
  writeFileSync(join(folder, 'rows.json'), `[${lines.join(',\n')}]`);
  writeFileSync(join(folder, 'rows.jsonl.gz'), gzipSync(lines.join('\n'), { level: 1 }));
  writeFileSync(
    join(folder, 'rows.csv'),
    `text,text_pos\n${[...rows].map((row) => `${row.text},${row.text_pos}`).join('\n')}`,
  );
}, 60_000);

/** In a process whose heap of 24 MB cannot hold the rows, 43 MB as JSONL. */
const script = `
  import { loadDataset } from ${JSON.stringify(pathToFileURL(join(import.meta.dirname, '../dist/index.js')).href)};
  const before = process.memoryUsage().rss;
  const stream = await loadDataset(process.argv[1], { split: 'train', streaming: true });
  let [rows, sum] = [0, 0];
  for await (const { text_pos } of stream.shuffle({ seed: 1, bufferSize: 1000 })) {
    rows += 1;
    sum += Number(text_pos.slice(1));
  }
  console.log(JSON.stringify({ rows, sum, grown: process.resourceUsage().maxRSS * 1024 - before }));
`;

test.each(['jsonl', 'jsonl.gz', 'json', 'csv', 'parquet'])('a stream of .%s, shuffled, stays small', (extension) => {
  const path = join(folder, `rows.${extension}`);
  const flags = ['--max-old-space-size=24', '--max-semi-space-size=4', '--input-type=module'];
  const output = execFileSync(process.execPath, [...flags, '-e', script, path], { encoding: 'utf8' });
  const { rows, sum, grown } = JSON.parse(output);
  expect([rows, sum]).toEqual([ROWS, (ROWS * (ROWS - 1)) / 2]);
  expect(grown).toBeLessThan(100e6);
});
