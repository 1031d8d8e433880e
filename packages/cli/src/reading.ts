/** Files read as a command's flags say. */

import { type FileReport, type FormatOptions, loadDataset, UnusedOptionError } from '@uniem/data';

import type { FormatFlags, ReadingFlags } from './data-flags.ts';

/** The flags as the options of loadDataset. */
export function formatOptions({ columns = [], delimiter, encoding, field }: Partial<FormatFlags>): FormatOptions {
  return {
    columnNames: columns.length > 0 ? columns.flatMap((names) => names.split(',')) : undefined,
    delimiter: delimiter === 'tab' || delimiter === '\\t' ? '\t' : delimiter,
    encoding,
    field,
  };
}

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
  constructor({ labelMap = [], ...format }: Partial<ReadingFlags>, rename: readonly string[] = []) {
    const labels = labelMap.flatMap(labelsAndNumbers);
    this.#flags = {
      ...formatOptions(format),
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
