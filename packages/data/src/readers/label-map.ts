/** Labels that are words, or the numbers of classes, as the numbers that the caller gives them. */

import { DataError } from '../errors.ts';
import { sourceOf } from '../records/provenance.ts';
import type { Row } from '../records/records.ts';
import { BadRecords, type Block, type ReadOptions } from './reader.ts';

/** The block with its labels replaced; rows whose label the map does not have are bad records. */
export function withLabels(block: Block, options: ReadOptions): Block {
  const { labelMap, labelColumn = 'label', bad = new BadRecords() } = options;
  if (!labelMap) return block;
  const names = block.classNames?.[labelColumn] ?? options.classNames?.[labelColumn];
  const rows = block.rows.filter((row) => {
    const value = row[labelColumn];
    const name = names && Number.isInteger(value) ? names[value as number] : undefined;
    const key = [name, String(value)].find(
      (candidate) => candidate !== undefined && Object.hasOwn(labelMap, candidate),
    );
    if (key !== undefined) {
      row[labelColumn] = labelMap[key];
      return true;
    }
    const shown = name === undefined ? JSON.stringify(String(value)) : `${value} (${name})`;
    const what = `${labelColumn} is ${shown.slice(0, 60)}, which is not in the label map`;
    bad.add(
      new DataError(what, sourceOf(row as object), `add it, as --label-map ${name ?? value}=1 (option labelMap)`),
    );
    return false;
  });
  return { ...block, rows: rows as Row[] };
}

/** The ClassLabel columns that Python's `datasets` wrote into a file's metadata under the key `huggingface`. */
export function classNamesOf(metadata: string | null | undefined): Record<string, readonly string[]> | undefined {
  if (!metadata) return undefined;
  try {
    const { info } = JSON.parse(metadata) as { info?: { features?: Record<string, unknown> } };
    return namesOfFeatures(Object.entries(info?.features ?? {}));
  } catch {
    return undefined; // another tool's; the rows do not depend on it
  }
}

/** Features as `datasets` writes them: {"_type": "ClassLabel", "names": […]}. */
function namesOfFeatures(features: readonly (readonly [string, unknown])[]) {
  const found = features.flatMap(([column, feature]) => {
    const { _type: type, names } = (feature ?? {}) as { _type?: unknown; names?: unknown };
    const isNames = Array.isArray(names) && names.every((name) => typeof name === 'string');
    return type === 'ClassLabel' && isNames ? [[column, names as string[]] as const] : [];
  });
  return found.length > 0 ? Object.fromEntries(found) : undefined;
}
