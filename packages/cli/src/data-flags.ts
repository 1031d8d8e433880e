/** The flags of what is read: columns of a dataset, and what `uniem finetune` trains on. */

import { ADAPTERS, ON_BAD_RECORD } from '@uniem/data/names';
import { z } from 'zod';

/** The model of every command that opens one. */
export const modelFlags = {
  model: z
    .string()
    .describe('model folder, or owner/name[@revision] of the hub; an adapter of PEFT is merged into its base model'),
  baseModel: z
    .string()
    .optional()
    .describe('of an adapter: the model it was trained on; the one that adapter_config.json names if left out'),
};

/** How files are to be read, where they do not say it themselves. */
export const formatFlags = {
  columns: z
    .array(z.string().min(1))
    .default([])
    .describe('names of the columns of CSV, TSV and .txt files without a header, as sentence1,sentence2,label'),
  delimiter: z
    .string()
    .min(1)
    .optional()
    .describe('between the fields of CSV, TSV and .txt files, as ";" or tab; found in their first lines if left out'),
  encoding: z
    .string()
    .optional()
    .describe('of text files, as gb18030, gbk, big5 or utf-16le; a byte-order mark goes before it; UTF-8 if left out'),
  field: z
    .string()
    .optional()
    .describe('key of a JSON object whose list holds the records, as data; found if one key alone does'),
};

export type FormatFlags = z.output<z.ZodObject<typeof formatFlags>>;

/** The same wherever a command reads --data. */
export const readingFlags = {
  ...formatFlags,
  labelMap: z
    .array(z.string().regex(/^(?:.+?=-?[\d.]+(?:,|$))+$/, 'is not label=number'))
    .default([])
    .describe('numbers for labels that are words or classes, as entailment=1,neutral=0.5,contradiction=0'),
};

export type ReadingFlags = z.output<z.ZodObject<typeof readingFlags>>;

/** What standard input can be: it has no name to tell. */
export const STDIN_FORMATS = ['jsonl', 'txt', 'csv', 'tsv'] as const;

/** Texts, one after another, wherever rows are read. */
export const textFlags = {
  input: z
    .string()
    .describe(
      'texts: a .txt file with one a line, or with fields if --columns or --delimiter is given; a file, folder or pattern of jsonl, json, csv, tsv, parquet, arrow (also .gz); owner/name[:configuration][@revision] of the hub; or - for standard input',
    ),
  column: z.string().default('text').describe('column of the text'),
  split: z.string().optional().describe('split to read; all of them, one after another, if left out'),
  stdinFormat: z.enum(STDIN_FORMATS).default('jsonl').describe('what standard input holds'),
  ...formatFlags,
};

export const columnFlags = {
  rename: z
    .array(z.string().regex(/^[^=]+=[^=]+$/, 'is not old=new'))
    .default([])
    .describe('columns to rename, as old=new; may be given several times'),
  prefix: z
    .array(z.string().regex(/^[^=]+=./s, 'is not column=text'))
    .default([])
    .describe('put before the texts of a column, after its renaming, as "text=query: "; may be given several times'),
  adapter: z
    .enum(ADAPTERS)
    .optional()
    .describe(
      'records of other projects: bge of FlagEmbedding; medi of INSTRUCTOR as uniem joins its instructions and texts, medi_plain without the instructions, instructor with nothing between',
    ),
};

export type ColumnFlags = z.output<z.ZodObject<typeof columnFlags>>;

export const dataFlags = {
  data: z
    .array(z.string())
    .min(1, 'give at least one')
    .describe(
      'file, folder or pattern of jsonl, json, csv, tsv, parquet, arrow, or txt with --columns (also .gz), or owner/name[:configuration][@revision] of the hub; several, each with its own flag, are mixed, and --task-field dataset makes each batch of one of them',
    ),
  dataWeights: z
    .array(z.number().positive())
    .default([])
    .describe(
      'how often each --data is drawn, in their order: the mix holds until all are used up; records once if left out',
    ),
  maxSamples: z
    .int()
    .positive()
    .optional()
    .describe('at most so many records of each --data, drawn by --seed; of a stream the first'),
  split: z.string().optional().describe('split to train on, as train[:1000], or all; train if left out'),
  evalData: z
    .string()
    .optional()
    .describe(
      "like --data: its validation, dev or test split, or its one file; --data's own validation or dev if left out",
    ),
  testSize: z
    .number()
    .positive()
    .optional()
    .describe('hold out so many records of each --data, below 1 a fraction, shuffled by --seed, as the validation set'),
  ...readingFlags,
  ...columnFlags,
  onBadRecord: z
    .enum(ON_BAD_RECORD)
    .default('error')
    .describe(
      'a record that cannot be read or is not of the record type stops the run, or is left out; with skip also one of blank text',
    ),
  streaming: z.boolean().default(false).describe('read records as they are used: nothing is held, or downloaded first'),
};

export type DataFlags = z.output<z.ZodObject<typeof dataFlags>>;

/** Bytes of it are what the API's `memory` is. */
export const memoryFlag = z
  .int()
  .min(16)
  .default(1024)
  .describe('MiB of vectors and scores held at once; vectors beyond it lie in a temporary file');
