/** Flags that say how files are to be read, the same wherever a command reads --data. */

import { type FileReport, loadDataset, UnusedOptionError } from '@uniem/data';
import { z } from 'zod';

export const readingFlags = {
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
  labelMap: z
    .array(z.string().regex(/^(?:.+?=-?[\d.]+(?:,|$))+$/, 'is not label=number'))
    .default([])
    .describe('numbers for labels that are words or classes, as entailment=1,neutral=0.5,contradiction=0'),
};

export type ReadingFlags = Partial<z.output<z.ZodObject<typeof readingFlags>>>;

type Loaded = Awaited<ReturnType<typeof loadDataset>>;
type Options = NonNullable<Parameters<typeof loadDataset>[1]>;

/** Reads a command's datasets by its flags; one of several may have no use for a flag, not all of them. */
export class DatasetLoader {
  readonly #flags: Options;
  readonly #unused = new Map<string, UnusedOptionError>();
  readonly #used = new Set<string>();
  /** The names of the classes that labels are numbers of, where a file says so and no --label-map gives others. */
  classes: readonly string[] | undefined;

  /** @param rename The labels are those of the column that is renamed to `label`. */
  constructor(
    { columns = [], delimiter, encoding, field, labelMap = [] }: ReadingFlags,
    rename: readonly string[] = [],
  ) {
    const labels = labelMap.flatMap(labelsAndNumbers);
    this.#flags = {
      columnNames: columns.length > 0 ? columns.flatMap((names) => names.split(',')) : undefined,
      delimiter: delimiter === 'tab' || delimiter === '\\t' ? '\t' : delimiter,
      encoding,
      field,
      labelMap: labels.length > 0 ? Object.fromEntries(labels) : undefined,
      labelColumn: rename.find((pair) => pair.endsWith('=label'))?.slice(0, -'=label'.length),
    };
  }

  /** As loadDataset; what a file has no use for is left out of its options. */
  async load(path: string, options: Options): Promise<Loaded> {
    const onFile = (report: FileReport) => {
      options.onFile?.(report);
      const { labelMap, labelColumn = 'label' } = this.#flags;
      if (!labelMap) this.classes ??= report.classNames?.[labelColumn];
    };
    const given = { ...options, ...this.#flags, onFile };
    for (;;) {
      try {
        const loaded = await loadDataset(path, given);
        for (const [name, value] of Object.entries(given)) if (value !== undefined) this.#used.add(name);
        return loaded;
      } catch (error) {
        if (!(error instanceof UnusedOptionError)) throw error;
        this.#unused.set(error.option, error);
        given[error.option] = undefined;
      }
    }
  }

  /** @throws DataError for a flag that none of what was loaded had a use for. */
  requireAllUsed(): void {
    for (const [option, error] of this.#unused) if (!this.#used.has(option)) throw error;
  }
}

/** A label may have commas and equals signs of its own: it ends at the number. */
function labelsAndNumbers(value: string): [label: string, number: number][] {
  return Array.from(value.matchAll(/(.+?)=(-?[\d.]+)(?:,|$)/g), ([, label, number]) => [
    label as string,
    Number(number),
  ]);
}
