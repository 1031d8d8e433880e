/** Checks of what a caller hands over, for JavaScript, where no type stops a wrong value. Each package fails with its own error. */

/** What an argument has to be. */
export interface Kind {
  /** Follows "must be": `a string`. */
  name: string;
  is: (value: unknown) => boolean;
}

const isWhole = (least: number) => (value: unknown) => Number.isInteger(value) && (value as number) >= least;

export const TEXT: Kind = { name: 'a string', is: (value) => typeof value === 'string' };
export const NAME: Kind = {
  name: 'a string that is not empty',
  is: (value) => typeof value === 'string' && value !== '',
};
export const FLAG: Kind = { name: 'true or false', is: (value) => typeof value === 'boolean' };
export const CALLBACK: Kind = { name: 'a function', is: (value) => typeof value === 'function' };
export const COUNT: Kind = { name: 'a whole number above 0', is: isWhole(1) };
export const INDEX: Kind = { name: 'a whole number of at least 0', is: isWhole(0) };
export const NUMBER: Kind = { name: 'a finite number', is: Number.isFinite };
export const OBJECT: Kind = { name: 'an object', is: isPlain };

export const oneOf = (...values: readonly unknown[]): Kind => ({
  name: `one of ${values.join(', ')}`,
  is: (value) => values.includes(value),
});

export const either = (...kinds: readonly Kind[]): Kind => ({
  name: kinds.map(({ name }) => name).join(' or '),
  is: (value) => kinds.some((kind) => kind.is(value)),
});

function isPlain(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Characters of a received value in a message. */
const LONGEST = 80;

/** A value in words short enough for a message. */
export function shown(value: unknown): string {
  if (typeof value === 'function') return 'a function';
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'object' && value !== null) {
    const { name = '' } = (value.constructor as { name?: string } | undefined) ?? {};
    if (name !== 'Object' && name !== '') return `a ${name}`;
    return `an object {${cut(Object.keys(value).join(', '))}}`;
  }
  return typeof value === 'string' ? JSON.stringify(cut(value)) : String(value);
}

const cut = (text: string) => (text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);

export interface Checks {
  /** @param where What the caller calls the value. @param fix Left out, "give …". */
  requireKind(value: unknown, kind: Kind, where: string, fix?: string): void;
  /** A list, each of whose items is of the kind; a message names the first that is not by its index. */
  requireList(value: unknown, kind: Kind, where: string): void;
  /** An object of options, each of its kind or left out (undefined), and no other. */
  requireOptions(value: unknown, kinds: Readonly<Record<string, Kind>>, where?: string): void;
}

/** The checks of a package. @param fail Makes its error. */
export function argumentChecks(fail: (what: string, where: string, fix: string) => Error): Checks {
  const requireKind: Checks['requireKind'] = (value, kind, where, fix = `give ${kind.name}`) => {
    if (!kind.is(value)) throw fail(`must be ${kind.name} (received ${shown(value)})`, where, fix);
  };
  return {
    requireKind,
    requireList(value, kind, where) {
      if (!Array.isArray(value)) requireKind(value, { name: 'an array', is: () => false }, where);
      const list = value as unknown[];
      for (let i = 0; i < list.length; i++) requireKind(list[i], kind, `${where}[${i}]`); // holes of a sparse array too
    },
    requireOptions(value, kinds, where = 'options') {
      requireKind(value, OBJECT, where);
      for (const [name, given] of Object.entries(value as object)) {
        const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined;
        if (!kind) throw fail('there is no such option', name, `use ${Object.keys(kinds).join(', ')}`);
        if (given !== undefined) requireKind(given, kind, name);
      }
    },
  };
}
