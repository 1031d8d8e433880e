/** What streaming holds: not the file. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';

import { RecordBatchStreamWriter, Table, Utf8, vectorFromArray } from 'apache-arrow';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { Dataset } from './dataset.ts';

const ROWS = 200_000;
/** Rows of a record batch, as `datasets` writes them. */
const BATCH = 1000;
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
  writeFileSync(join(folder, 'rows.arrow'), await arrowStream());
}, 60_000);

function arrowStream(): Promise<Uint8Array> {
  const writer = new RecordBatchStreamWriter();
  const column = (of: (i: number) => string, from: number) =>
    vectorFromArray(
      Array.from({ length: BATCH }, (_, i) => of(from + i)),
      new Utf8(),
    );
  for (let from = 0; from < ROWS; from += BATCH) {
    const table = new Table({ text: column(text, from), text_pos: column((i) => `p${i}`, from) });
    for (const batch of table.batches) writer.write(batch);
  }
  writer.finish();
  return writer.toUint8Array();
}

/**
 * In a process whose heap of 24 MB cannot hold the rows, 43 MB as JSONL. What lies outside the heap counts by the process's
 * own size now and then: maxRSS would begin at that of the process that started it.
 */
const script = `
  import { loadDataset } from ${JSON.stringify(pathToFileURL(join(import.meta.dirname, '../../dist/index.js')).href)};
  const before = process.memoryUsage.rss();
  let most = before;
  const stream = await loadDataset(process.argv[1], { split: 'train', streaming: true });
  let [rows, sum] = [0, 0];
  for await (const { text_pos } of stream.shuffle({ seed: 1, bufferSize: 1000 })) {
    rows += 1;
    sum += Number(text_pos.slice(1));
    if (rows % 1000 === 0) most = Math.max(most, process.memoryUsage.rss());
  }
  console.log(JSON.stringify({ rows, sum, grown: most - before }));
`;

test.each(['jsonl', 'jsonl.gz', 'json', 'csv', 'parquet', 'arrow'])(
  'a stream of .%s, shuffled, stays small',
  (extension) => {
    const path = join(folder, `rows.${extension}`);
    const flags = ['--max-old-space-size=24', '--max-semi-space-size=4', '--input-type=module'];
    const output = execFileSync(process.execPath, [...flags, '-e', script, path], { encoding: 'utf8' });
    const { rows, sum, grown } = JSON.parse(output);
    expect([rows, sum]).toEqual([ROWS, (ROWS * (ROWS - 1)) / 2]);
    expect(grown).toBeLessThan(30e6);
  },
);
