/** What stands in a label: a number, a truth value, a number written as text, or a class. */

const NUMBER = /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?\s*$/i;

/** The number that a label is, as Python takes it: true is 1; undefined for anything else. */
export function numericLabel(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (typeof value === 'bigint' || typeof value === 'boolean') return Number(value);
  return typeof value === 'string' && NUMBER.test(value) ? Number(value) : undefined;
}

/** The class that a label names, alike for 1 and 1n; undefined for what names none. */
export function classOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value.trim() === '' ? undefined : value;
  if (typeof value === 'number' && !Number.isFinite(value)) return undefined;
  return typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean'
    ? String(value)
    : undefined;
}

/** What to do with a label that is no number; undefined where its text is no reason for anything but a finite number. */
export function labelFix(label: string): string | undefined {
  if (/^\s*-?\d+,\d+\s*$/.test(label)) return 'write decimals with a point';
  return label.trim() === '' ? undefined : `give its number: --label-map ${label}=1 (option labelMap)`;
}
