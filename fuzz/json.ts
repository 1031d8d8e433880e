/** Mutations of JSON: values of another type, deep and huge ones, doubled and missing keys, names that lead elsewhere. */

import { type Mutated, mutateBytes } from './bytes.ts';
import type { Random } from './random.ts';

type Container = Record<string, unknown> | unknown[];

/** Stands in a JSON tree for text that JSON.stringify never writes. */
const RAW = (text: string) => `\u0001${Buffer.from(text).toString('base64')}\u0001`;
const RAW_PLACES = /"\\u0001([A-Za-z0-9+/=]*)\\u0001"/g;

const DEPTH = 100_000;
const RAW_VALUES: readonly [what: string, text: string][] = [
  ['a deep list', '['.repeat(DEPTH) + ']'.repeat(DEPTH)],
  ['a deep object', `${'{"a":'.repeat(DEPTH)}1${'}'.repeat(DEPTH)}`],
  ['1e308', '1e308'],
  ['1e999', '1e999'],
  ['-0', '-0'],
  ['an integer of 30 digits', '123456789012345678901234567890'],
  ['NaN', 'NaN'],
];

/** Paths that would leave a folder. */
export const OUTSIDE = ['..', '../outside', '1_Pooling/../../outside', '/etc', '..\\outside', 'a/../../outside'];

const NAMES = ['__proto__', 'constructor', 'toString', '', '\0', 'a'.repeat(100_000), '\ud800', ...OUTSIDE];

const VALUES: readonly unknown[] = [
  ...[null, true, false, 0, 1, -1, 0.5, -1e308, 2 ** 31, 2 ** 32, 2 ** 53, 1e15, 1e9, 1e-320],
  ...['', '0', '1', 'null', '../outside', '[UNK]', 'a'.repeat(200_000), '(', '\ud800', '\u0000', '__proto__'],
  ...[[], {}, [[]], [null], [{}], JSON.parse('{"__proto__":{"x":1}}'), Array.from({ length: 10_000 }, (_, i) => i)],
];

interface Place {
  holder: Container;
  key: string | number;
  path: string;
}

/** @param path Begins what the report calls the place. */
function placesIn(value: unknown, path = '$'): Place[] {
  if (typeof value !== 'object' || value === null) return [];
  const keys = Array.isArray(value) ? value.keys() : Object.keys(value);
  return [...keys].flatMap((key) => {
    const own = `${path}.${key}`;
    const child = (value as Record<string | number, unknown>)[key];
    return [{ holder: value as Container, key, path: own }, ...placesIn(child, own)];
  });
}

const get = ({ holder, key }: Place): unknown => (holder as Record<string | number, unknown>)[key];
const set = ({ holder, key }: Place, value: unknown): void => {
  Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true });
};

function remove({ holder, key }: Place): void {
  if (Array.isArray(holder)) holder.splice(key as number, 1);
  else delete holder[key];
}

/** Another number, near or far. */
function otherNumber(random: Random, value: number): number {
  const by = random.of([1, -1, 2, -2, 100, -value, -2 * value, value, 7 * value, 1e6, 0.5]);
  return value + by;
}

type MutateValue = (random: Random, places: readonly Place[]) => string;

const MUTATIONS: readonly MutateValue[] = [
  (random, places) => {
    const place = random.of(places);
    const value = random.of(VALUES);
    set(place, structuredClone(value));
    return `${place.path} is ${short(value)}`;
  },
  (random, places) => {
    const place = random.of(places);
    const [what, text] = random.of(RAW_VALUES);
    set(place, RAW(text));
    return `${place.path} is ${what}`;
  },
  (random, places) => {
    const place = random.of(places);
    remove(place);
    return `${place.path} is gone`;
  },
  (random, places) => {
    const place = random.of(places);
    const name = random.chance(0.5) ? random.of(NAMES) : String(random.of(places).key);
    const value = get(place);
    remove(place);
    if (Array.isArray(place.holder)) place.holder.push(name);
    else set({ ...place, key: name }, value);
    return `${place.path} is called ${short(name)}`;
  },
  (random, places) => {
    const [a, b] = [random.of(places), random.of(places)];
    const [value, other] = [structuredClone(get(a)), structuredClone(get(b))];
    set(a, other);
    if (random.chance(0.5)) set(b, value);
    return `${a.path} is that of ${b.path}`;
  },
  (random, places) => {
    const numbers = places.filter((place) => typeof get(place) === 'number');
    if (numbers.length === 0) return 'nothing';
    const changed = Array.from({ length: random.of([1, 1, 2, 3]) }, () => {
      const place = random.of(numbers);
      set(place, otherNumber(random, get(place) as number));
      return `${place.path} is ${get(place)}`;
    });
    return changed.join(', ');
  },
  (random, places) => {
    const lists = places.map(get).filter((value) => Array.isArray(value));
    if (lists.length === 0) return 'nothing';
    const list = random.of(lists);
    const extra = random.chance(0.5) ? random.of(VALUES) : random.of([...list, null]);
    list.splice(random.below(list.length + 1), 0, structuredClone(extra));
    return `a list has also ${short(extra)}`;
  },
];

const short = (value: unknown) => (JSON.stringify(value) ?? 'undefined').slice(0, 60);

/** JSON with the raw texts in their places. */
export function printJson(value: unknown): string {
  return JSON.stringify(value).replace(RAW_PLACES, (_, text) => Buffer.from(text, 'base64').toString('utf8'));
}

/** The whole of the file is something else. */
const WHOLE: readonly [what: string, text: string][] = [
  ...RAW_VALUES.map(([what, text]): [string, string] => [`it is ${what}`, text]),
  ['it is cut in a deep list', '['.repeat(DEPTH)],
  ['it is a text', '"text"'],
  ['it is null', 'null'],
  ['it is an empty list', '[]'],
  ['it is an empty object', '{}'],
  ['it is white space', ' '.repeat(1000)],
  ['it is long white space and a list', `${' '.repeat(5_000_000)}[]`],
];

/** A key twice, the second with another value; the text is as JSON.stringify has it. */
function doubleKey(random: Random, text: string): Mutated {
  const keys = [...text.matchAll(/"(?:[^"\\]|\\.){1,200}":/g)];
  if (keys.length === 0) return { what: 'nothing', bytes: Buffer.from(text) };
  const { index, 0: key } = random.of(keys);
  const other = short(random.of([null, 0, -1, 'x', [], {}]));
  return {
    what: `${key} twice, first ${other}`,
    bytes: Buffer.from(`${text.slice(0, index)}${key}${other},${text.slice(index)}`),
  };
}

/** Another JSON text, or bytes that are none. */
export function mutateJson(random: Random, bytes: Buffer): Mutated {
  const kind = random.next();
  if (kind < 0.15) return mutateBytes(random, bytes);
  if (kind < 0.2) {
    const [what, text] = random.of(WHOLE);
    return { what, bytes: Buffer.from(text) };
  }
  const value: unknown = JSON.parse(bytes.toString('utf8'));
  if (kind < 0.25) return doubleKey(random, JSON.stringify(value));
  if (kind < 0.27) return { what: 'UTF-16', bytes: Buffer.from(`\ufeff${JSON.stringify(value)}`, 'utf16le') };
  if (kind < 0.29) return { what: 'a byte order mark', bytes: Buffer.from(`\ufeff${JSON.stringify(value)}`) };
  const { what, value: changed } = mutateValue(random, value);
  return { what, bytes: Buffer.from(printJson(changed)) };
}

/** Another value of JSON; its raw texts are for `mutateJson` and `printJson`. */
export function mutateValue(random: Random, value: unknown): { what: string; value: unknown } {
  const root = { $: structuredClone(value) };
  const all = placesIn(root, '');
  // A vocabulary would take every mutation: half of them are for what is not in one.
  const upper = all.filter(({ path }) => path.split('.').length <= 4);
  const what = Array.from({ length: random.of([1, 1, 1, 2]) }, () => {
    return random.of(MUTATIONS)(random, random.chance(0.5) ? upper : all);
  });
  return { what: what.join('; '), value: root.$ === undefined ? null : root.$ };
}
