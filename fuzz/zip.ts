/** Mutations of zip files of torch.save: lies of the directory, bombs, and other pickles in them. */

import { deflateRawSync } from 'node:zlib';

import { type Mutated, mutateBytes } from './bytes.ts';
import { mutatePickle } from './pickle.ts';
import type { Random } from './random.ts';

interface Entry {
  name: Buffer;
  content: Buffer;
  method: number;
  /** Of the directory's fields. */
  size: number;
}

const END = 0x06054b50;
const DIRECTORY = 0x02014b50;
const LOCAL = 0x04034b50;

/** Entries by the directory; the files are our own fixtures. */
function readZip(bytes: Buffer): Entry[] {
  const end = bytes.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  const count = bytes.readUInt16LE(end + 10);
  const entries: Entry[] = [];
  let at = bytes.readUInt32LE(end + 16);
  for (let i = 0; i < count; i++) {
    const [nameBytes, extraBytes] = [bytes.readUInt16LE(at + 28), bytes.readUInt16LE(at + 30)];
    const [size, local] = [bytes.readUInt32LE(at + 24), bytes.readUInt32LE(at + 42)];
    const start = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
    const name = bytes.subarray(at + 46, at + 46 + nameBytes);
    entries.push({ name, content: bytes.subarray(start, start + size), method: 0, size });
    at += 46 + nameBytes + extraBytes + bytes.readUInt16LE(at + 32);
  }
  return entries;
}

/** Stored one after the other; checksums are left 0, as nobody reads them. */
function writeZip(entries: readonly Entry[]): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const { name, content, method, size } of entries) {
    const padding = Buffer.alloc((8 - ((at + 30 + name.length) % 8)) % 8); // floats lie at multiples of 8, as torch has it
    const local = Buffer.alloc(30);
    local.writeUInt32LE(LOCAL, 0);
    local.writeUInt16LE(method, 8);
    local.writeUInt32LE(content.length, 18);
    local.writeUInt32LE(size, 22);
    local.writeUInt16LE(name.length, 26);
    local.writeUInt16LE(padding.length, 28);
    const record = Buffer.alloc(46);
    record.writeUInt32LE(DIRECTORY, 0);
    record.writeUInt16LE(method, 10);
    record.writeUInt32LE(content.length, 20);
    record.writeUInt32LE(size, 24);
    record.writeUInt16LE(name.length, 28);
    record.writeUInt32LE(at, 42);
    directory.push(record, name);
    const whole = [local, name, padding, content];
    parts.push(...whole);
    at += whole.reduce((sum, { length }) => sum + length, 0);
  }
  const records = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(END, 0);
  end.writeUInt16LE(entries.length & 0xffff, 8);
  end.writeUInt16LE(entries.length & 0xffff, 10);
  end.writeUInt32LE(records.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...parts, records, end]);
}

const LIES = [0, 1, 30, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];

/** A field of a record that is of another value; sizes, places, lengths and the method are all of them. */
function lie(random: Random, bytes: Buffer): Mutated {
  const copy = Buffer.from(bytes);
  const signature = random.of([END, DIRECTORY, DIRECTORY, DIRECTORY, LOCAL, 0x07064b50, 0x06064b50]);
  const places = [...bytes.keys()].filter((at) => at + 46 <= bytes.length && bytes.readUInt32LE(at) === signature);
  const at = places.length > 0 ? random.of(places) : bytes.length - 22;
  const field = random.of([6, 8, 10, 12, 16, 18, 20, 22, 24, 26, 28, 30, 32, 36, 40, 42, 48]);
  const wide = random.chance(0.7) && at + field + 4 <= copy.length;
  if (!wide && at + field + 2 > copy.length) return { what: 'nothing', bytes: copy };
  const before = wide ? copy.readUInt32LE(at + field) : copy.readUInt16LE(at + field);
  const value = random.chance(0.3) ? before + random.of([1, -1, 46, 1000]) : random.of(LIES);
  if (wide) copy.writeUInt32LE(value >>> 0, at + field);
  else copy.writeUInt16LE(value & 0xffff, at + field);
  return { what: `field ${field} of the record at ${at} is ${value}, not ${before}`, bytes: copy };
}

/** Entries of the file are others. */
const CHANGES: readonly ((random: Random, entries: Entry[]) => string)[] = [
  (random, entries) => {
    const entry = random.of(entries);
    entry.content = deflateRawSync(Buffer.alloc(50_000_000));
    entry.method = 8;
    entry.size = random.of([50_000_000, 0xfffffffe, entry.content.length]);
    return `${entry.name} is a bomb of ${entry.size} bytes`;
  },
  (random, entries) => {
    const entry = random.of(entries);
    entry.name = Buffer.from(random.of(['../../x', '/etc/passwd', '', 'data.pkl', 'x/data.pkl', '__proto__', '\0']));
    return `an entry is called ${JSON.stringify(entry.name.toString())}`;
  },
  (random, entries) => {
    const [entry, other] = [random.of(entries), random.of(entries)];
    entries.push({ ...other, name: entry.name });
    return `${entry.name} twice, then with the content of ${other.name}`;
  },
  (random, entries) => {
    const entry = random.of(entries);
    entries.splice(entries.indexOf(entry), 1);
    return `${entry.name} is gone`;
  },
  (random, entries) => {
    const [entry] = entries as [Entry];
    const count = random.of([1000, 70_000]);
    for (let i = 0; i < count; i++)
      entries.push({ ...entry, name: Buffer.from(`e${i}`), content: Buffer.alloc(0), size: 0 });
    return `${count} entries more`;
  },
  (random, entries) => {
    const entry = random.of(entries);
    const { what, bytes } = mutateBytes(random, entry.content);
    Object.assign(entry, { content: bytes, size: bytes.length });
    return `${entry.name}: ${what}`;
  },
];

/** Another file: its pickle, its entries, or what its records say. */
export function mutateZip(random: Random, bytes: Buffer): Mutated {
  const kind = random.next();
  if (kind < 0.25) return mutateBytes(random, bytes);
  if (kind < 0.5) return lie(random, bytes);
  const entries = readZip(bytes);
  if (kind < 0.65) {
    const what = random.of(CHANGES)(random, entries);
    return { what, bytes: writeZip(entries) };
  }
  const pickle = entries.find(({ name }) => name.toString().endsWith('data.pkl')) as Entry;
  const { what, bytes: content } = mutatePickle(random, pickle.content);
  Object.assign(pickle, { content, size: content.length });
  return { what, bytes: writeZip(entries) };
}
