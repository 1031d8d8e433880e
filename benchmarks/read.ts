/** Rows a second of a file that is streamed: read.js FILE. The peer is peers/read.py. */

import { loadDataset, type Row } from '@uniem/data';

const [file] = process.argv.slice(2) as [string];
const before = process.memoryUsage.rss();
const start = performance.now();
let rows = 0;
let characters = 0;
for await (const row of (await loadDataset(file, { streaming: true, split: 'train' })) as AsyncIterable<Row>) {
  rows += 1;
  characters += (row.text_pos as string).length; // the value, not only a promise of it
}
const seconds = (performance.now() - start) / 1000;
const added = process.resourceUsage().maxRSS * 1024 - before;
console.log(JSON.stringify({ rowsPerSecond: rows / seconds, rows, characters, rss: added }));
