/** uniem data inspect: what a dataset holds, and what training would do with it. */

import type { Inspection, IterableDataset, TextColumn } from '@uniem/data';
import { z } from 'zod';

import { defineCommand } from '../command.ts';
import { columnFlags } from '../data-flags.ts';

const BAR = 40; // characters

export const data = defineCommand({
  arguments: ['action', 'path'],
  flags: z.strictObject({
    action: z.enum(['inspect']).describe('what to do'),
    path: z.string().describe('file, folder or pattern, or owner/name[:configuration] of the hub'),
    split: z.string().optional().describe('one split; all of them if left out'),
    ...columnFlags,
  }),
  async run({ path, split, ...columns }) {
    const data = await import('@uniem/data');
    const { withColumns } = await import('../columns.ts');
    const loaded = await data.loadDataset(path, { split, streaming: true });
    const splits = loaded instanceof data.IterableDataset ? { [split ?? path]: loaded } : loaded;
    for (const [name, rows] of Object.entries(splits)) {
      process.stdout.write(describe(name, await data.inspectRows(withColumns(rows as IterableDataset, columns))));
    }
  },
});

function describe(name: string, found: Inspection): string {
  const lines = [
    `${name}: ${found.rows} records ${found.recordType ? `of type ${found.recordType}` : 'of no record type'}`,
    `columns: ${found.columns.join(', ')}`,
    ...found.texts.flatMap(histogram),
    ...(found.labels
      ? [`labels: ${found.labels.least} to ${found.labels.most}, ${found.labels.distinct} different ones`]
      : []),
    ...remarks(found),
  ];
  return `${lines.join('\n')}\n`;
}

/** A bar a bin, the longest 40 characters. */
function histogram({ name, bins, shortest, longest, mean }: TextColumn): string[] {
  const most = Math.max(...bins.map(({ count }) => count));
  const width = String(most).length;
  const rows = bins.map(({ below, count }) => {
    const bar = '█'.repeat(Math.round((BAR * count) / most));
    return `  < ${String(below).padStart(6)}  ${String(count).padStart(width)}  ${bar}`.trimEnd();
  });
  return [`${name}: ${shortest} to ${longest} characters, ${mean.toFixed(1)} in the mean`, ...rows];
}

/** What training would do with it, and what it would stumble over. */
function remarks({ recordType, texts, duplicates, sharedTexts, labels }: Inspection): string[] {
  const empty = texts.filter((column) => column.empty > 0);
  return [
    ...empty.map((column) => `${column.empty} empty texts in ${column.name}: each is encoded as its special tokens`),
    ...(duplicates > 0 ? [`${duplicates} records stand there before`] : []),
    ...(labels && labels.invalid > 0 ? [`${labels.invalid} labels are no numbers: training stops at the first`] : []),
    ...(recordType === undefined
      ? ['training needs text + text_pos (+ text_neg), or sentence1 + sentence2 + label: use --rename old=new']
      : []),
    ...(recordType === 'scored_pair' ? ['training: the CoSent loss, by the order of the labels'] : []),
    ...(recordType === 'pair' || recordType === 'triplet'
      ? ['training: the in-batch softmax loss, every other record of a batch a negative']
      : []),
    ...((recordType === 'pair' || recordType === 'triplet') && sharedTexts > 0
      ? [
          `${sharedTexts} texts stand in several records, and would be false negatives: use --unique-texts or --mask-same-texts`,
        ]
      : []),
  ];
}
