/** uniem data inspect: what a dataset holds, and what training would do with it. */

import type { FileReport, Inspection, IterableDataset, TextColumn } from '@uniem/data';
import { z } from 'zod';

import { defineCommand } from '../command.ts';
import { columnFlags, readingFlags } from '../data-flags.ts';

const BAR = 40; // characters
/** Labels that are named. */
const SHOWN = 10;

export const data = defineCommand({
  arguments: ['action', 'path'],
  flags: z.strictObject({
    action: z.enum(['inspect']).describe('what to do'),
    path: z.string().describe('file, folder or pattern, or owner/name[:configuration] of the hub'),
    split: z.string().optional().describe('one split; all of them if left out'),
    ...readingFlags,
    ...columnFlags,
  }),
  async run({ path, split, ...columns }) {
    const data = await import('@uniem/data');
    const { withColumns } = await import('../columns.ts');
    const { DatasetLoader } = await import('../reading.ts');
    const loader = new DatasetLoader(columns, columns.rename);
    const files: FileReport[] = [];
    const loaded = await loader.load(path, { split, streaming: true, onFile: (report) => files.push(report) });
    loader.requireAllUsed();
    const splits = loaded instanceof data.IterableDataset ? { [split ?? path]: loaded } : loaded;
    for (const [name, rows] of Object.entries(splits)) {
      const found = await data.inspectRows(withColumns(rows as IterableDataset, columns));
      process.stdout.write(describe(name, found, files.splice(0)));
    }
  },
});

function describe(name: string, found: Inspection, files: readonly FileReport[]): string {
  const lines = [
    `${name}: ${found.rows} records ${found.recordType ? `of type ${found.recordType}` : 'of no record type'}`,
    ...ways(files),
    `columns: ${found.columns.join(', ')}`,
    ...found.texts.flatMap(histogram),
    ...(found.labels ? [labelLine(found.labels)] : []),
    ...classLines(files),
    ...remarks(found),
  ];
  return `${lines.join('\n')}\n`;
}

function labelLine({ least, most, distinct, invalid, classes }: NonNullable<Inspection['labels']>): string {
  if (distinct > 0 && invalid === 0) return `labels: ${least} to ${most}, ${distinct} different ones`;
  const shown = classes.slice(0, SHOWN).join(', ');
  return `labels: ${shown}${classes.length > SHOWN ? ` and more, ${classes.length} different ones` : ''}`;
}

function classLines(files: readonly FileReport[]): string[] {
  const lines = files.flatMap(({ classNames = {} }) =>
    Object.entries(classNames).map(
      ([column, names]) => `classes of ${column}: ${names.map((name, i) => `${i} ${name}`).join(', ')}`,
    ),
  );
  return [...new Set(lines)];
}

/** How the files were read, each way once. */
function ways(files: readonly FileReport[]): string[] {
  const told = files.map(({ encoding, delimiter, field }) =>
    [
      ...(encoding === undefined ? [] : [`encoding ${encoding}`]),
      ...(delimiter === undefined ? [] : [`delimiter ${delimiter}`]),
      ...(field === undefined ? [] : [`records under ${field}`]),
    ].join(', '),
  );
  return [...new Set(told)].filter((way) => way !== '').map((way) => `read as: ${way}`);
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
    ...(labels && labels.invalid > 0 && recordType === 'scored_pair'
      ? [`${labels.invalid} labels are no numbers: training stops at the first; use --label-map`]
      : []),
    ...(recordType === undefined
      ? [
          'training needs text + text_pos (+ text_neg), sentence1 + sentence2 + label, or text + label: use --rename old=new',
        ]
      : []),
    ...(recordType === 'scored_pair' ? ['training: the CoSent loss, by the order of the labels'] : []),
    ...(recordType === 'labeled_text' ? ['training: supcon, over batches with several texts of a class'] : []),
    ...(recordType === 'scored_triplet' ? ["training: distillation of the teacher's scores (kl)"] : []),
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
