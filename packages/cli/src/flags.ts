/** Command-line flags from a zod schema: one list of options, no second one. */

import { parseArgs } from 'node:util';

import { z } from 'zod';

import { UsageError } from './usage-error.ts';

interface Field {
  type?: string;
  /** Of an array: what its values are. */
  items?: { type?: string };
  default?: unknown;
  enum?: unknown[];
  description?: string;
  /** No default, and not to be left out. */
  required: boolean;
}

const kebab = (name: string) => name.replace(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`);

function fieldsOf(schema: z.ZodObject): [string, Field][] {
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'input' });
  return Object.entries(properties).map(([name, field]) => [
    name,
    { ...(field as Omit<Field, 'required'>), required: required.includes(name) },
  ]);
}

const flagOf = (name: string, { type }: Field) => (type === 'boolean' ? `--[no-]${kebab(name)}` : `--${kebab(name)}`);

/** Parses argv by the schema, over the options of --config where there is that flag; defaults and limits stay the schema's. */
export async function parseFlags<S extends z.ZodObject>(
  schema: S,
  argv: string[],
  command: string,
): Promise<z.output<S>> {
  const fields = fieldsOf(schema);
  const help = `see \`uniem ${command} --help\``;
  const options = Object.fromEntries(
    fields.map(([name, { type }]) => [
      kebab(name),
      { type: type === 'boolean' ? ('boolean' as const) : ('string' as const), multiple: type === 'array' },
    ]),
  );
  let values: Record<string, unknown>;
  try {
    values = parseArgs({ args: argv, options, allowNegative: true }).values;
  } catch (cause) {
    throw new UsageError((cause as Error).message.split('. ')[0] as string, `uniem ${command}`, help, { cause });
  }
  const given: Record<string, unknown> = {};
  for (const [name, { type, items }] of fields) {
    const value = values[kebab(name)];
    if (value === undefined) continue;
    if (Array.isArray(value)) given[name] = isNumeric(items?.type) ? value.map((one) => numberOf(String(one))) : value;
    else given[name] = isNumeric(type) ? numberOf(String(value)) : value;
  }
  const file = typeof given.config === 'string' ? (await import('./config-file.ts')).readConfigFile(given.config) : {};
  for (const [name, { type }] of fields) {
    if (type === 'array' && name in file && !Array.isArray(file[name])) file[name] = [file[name]]; // as a flag given once
  }
  const result = schema.safeParse({ ...file, ...given });
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const name = String(issue?.path[0] ?? '');
  if (name in file && !(name in given)) {
    throw new UsageError(
      `${issue?.message} (received ${JSON.stringify(file[name])})`,
      `${given.config}: ${name}`,
      help,
    );
  }
  if (issue?.code === 'unrecognized_keys') {
    throw new UsageError(`no option ${issue.keys.join(', ')}`, String(given.config), help); // flags were checked above
  }
  if (!(name in given) && name !== '') throw new UsageError('is required', `--${kebab(name)}`, help);
  const received = name in given ? ` (received ${values[kebab(name)]})` : '';
  throw new UsageError(`${issue?.message}${received}`, `--${kebab(name)}`, help);
}

const isNumeric = (type: string | undefined) => type === 'integer' || type === 'number';

/** Number('') is 0, which `--lr=` did not mean. */
function numberOf(text: string): number {
  return text.trim() === '' ? Number.NaN : Number(text);
}

/** '' where there is none, and for a list of nothing. */
const shownDefault = (field: Field) => (field.default === undefined ? '' : String(field.default));

/** The help lines of a schema's flags. */
export function describeFlags(schema: z.ZodObject): string {
  return fieldsOf(schema)
    .map(([name, field]) => {
      const values = field.enum ? ` (${field.enum.join(', ')})` : '';
      const preset = shownDefault(field) === '' ? '' : ` [${shownDefault(field)}]`;
      const required = field.required ? ' (required)' : '';
      return `  ${flagOf(name, field).padEnd(34)} ${field.description ?? ''}${values}${preset}${required}`;
    })
    .join('\n');
}

/** The same in Markdown, for docs/cli.md. */
export function flagTable(schema: z.ZodObject): string {
  const rows = fieldsOf(schema).map(([name, field]) => {
    const shown = shownDefault(field);
    const preset = field.required ? 'required' : shown === '' ? '' : `\`${shown}\``;
    const values = field.enum ? `: ${field.enum.map((value) => `\`${value}\``).join(', ')}` : '';
    return `| \`${flagOf(name, field)}\` | ${preset} | ${field.description}${values} |`;
  });
  return ['| Flag | Default | Meaning |', '| --- | --- | --- |', ...rows].join('\n');
}
