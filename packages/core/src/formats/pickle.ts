/** Reads Python pickles of plain values; nothing is run, and only globals of a table given by the caller are known. */

import { readSync } from 'node:fs';

import { ModelError } from '../errors.ts';
import { corruptFile } from './files.ts';

/** A class or function that a pickle names. */
export class PickleGlobal {
  readonly name: string;
  /** What calling it gives; undefined for one that is only named. */
  readonly call: ((args: unknown[]) => unknown) | undefined;

  constructor(name: string, call?: (args: unknown[]) => unknown) {
    this.name = name;
    this.call = call;
  }
}

export interface PickleOptions {
  globals: ReadonlyMap<string, PickleGlobal>;
  /** What stands for an object that is kept outside the pickle. */
  persistent(id: unknown): unknown;
}

const MAX_PICKLE_BYTES = 32_000_000; // names and places of some 50,000 tensors
const MAX_OPCODES = 2_000_000; // the least bytes make the most objects
const MAX_NAME = 1000; // bytes of a line, characters of a text
const WINDOW_BYTES = 65_536;

/** Whether a value is a text of the length that names have: a text recalled again and again costs its length each time. */
export function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_NAME;
}

/** Reads an open file forward, by small pieces. */
export class FileCursor {
  readonly path: string;
  position: number;
  readonly #file: number;
  readonly #end: number;
  #window = Buffer.alloc(0);
  #windowStart = 0;

  constructor(file: number, path: string, begin: number, end: number) {
    this.path = path;
    this.position = begin;
    this.#file = file;
    this.#end = end;
  }

  /** The next bytes; valid until the next call. */
  take(length: number): Buffer {
    const begin = this.position;
    if (!(begin + length <= this.#end && length <= MAX_PICKLE_BYTES)) {
      throw corruptFile(this.path)(`${length} bytes at byte ${begin} reach past the end`);
    }
    if (begin < this.#windowStart || begin + length > this.#windowStart + this.#window.length) {
      const window = Buffer.alloc(Math.min(Math.max(length, WINDOW_BYTES), this.#end - begin));
      const read = readSync(this.#file, window, 0, window.length, begin);
      if (read < length) throw corruptFile(this.path)(`${length} bytes at byte ${begin} cannot be read`);
      this.#window = window.subarray(0, read);
      this.#windowStart = begin;
    }
    this.position += length;
    return this.#window.subarray(begin - this.#windowStart, this.position - this.#windowStart);
  }

  /** The next bytes, as text, up to a line feed. */
  line(): string {
    const bytes: number[] = [];
    for (;;) {
      const byte = this.take(1)[0] as number;
      if (byte === 0x0a) return Buffer.from(bytes).toString('utf8');
      if (bytes.push(byte) > MAX_NAME) throw corruptFile(this.path)('a name in its pickle has no end');
    }
  }
}

/**
 * Reads one pickle, of protocol 2 to 5: lists and tuples become arrays, dicts Maps. Source: CPython's pickletools.py.
 *
 * @throws ModelError naming a global that is not in the table.
 */
export function readPickle(cursor: FileCursor, options: PickleOptions): unknown {
  const machine = new Machine(cursor, options);
  const begin = cursor.position;
  for (let step = 0; step < MAX_OPCODES && cursor.position - begin < MAX_PICKLE_BYTES; step++) {
    const opcode = cursor.take(1)[0] as number;
    if (opcode === 0x2e) return machine.pop();
    const run = OPCODES.get(opcode);
    if (!run) throw machine.corrupt(`opcode 0x${opcode.toString(16)} of its pickle is not read`);
    run(machine);
  }
  throw machine.corrupt('its pickle does not end');
}

class Machine {
  readonly cursor: FileCursor;
  readonly options: PickleOptions;
  readonly memo = new Map<number, unknown>();
  #stack: unknown[] = [];
  readonly #below: unknown[][] = [];

  constructor(cursor: FileCursor, options: PickleOptions) {
    this.cursor = cursor;
    this.options = options;
  }

  corrupt(detail: string): ModelError {
    return corruptFile(this.cursor.path)(detail);
  }

  push(value: unknown): void {
    this.#stack.push(value);
  }

  pop(): unknown {
    if (this.#stack.length === 0) throw this.corrupt('its pickle takes a value where there is none');
    return this.#stack.pop();
  }

  top(): unknown {
    if (this.#stack.length === 0) throw this.corrupt('its pickle takes a value where there is none');
    return this.#stack.at(-1);
  }

  /** The last values, in their order. */
  popSome(count: number): unknown[] {
    if (this.#stack.length < count) throw this.corrupt('its pickle takes a value where there is none');
    return this.#stack.splice(this.#stack.length - count);
  }

  mark(): void {
    this.#below.push(this.#stack);
    this.#stack = [];
  }

  /** The values since the last mark. */
  popToMark(): unknown[] {
    const values = this.#stack;
    const below = this.#below.pop();
    if (!below) throw this.corrupt('its pickle has no mark');
    this.#stack = below;
    return values;
  }

  text(length: number): string {
    return this.cursor.take(length).toString('utf8');
  }

  uint(bytes: 1 | 2 | 4): number {
    return this.cursor.take(bytes).readUIntLE(0, bytes);
  }

  remember(key: number): void {
    this.memo.set(key, this.top());
  }

  recall(key: number): void {
    if (!this.memo.has(key)) throw this.corrupt(`its pickle recalls value ${key}, which is not there`);
    this.push(this.memo.get(key));
  }

  setItems(values: unknown[]): void {
    const target = this.top();
    if (!(target instanceof Map) || values.length % 2 !== 0) throw this.corrupt('its pickle fills what is no dict');
    for (let i = 0; i < values.length; i += 2) target.set(values[i], values[i + 1]);
  }

  append(values: unknown[]): void {
    const target = this.top();
    if (!Array.isArray(target)) throw this.corrupt('its pickle appends to what is no list');
    for (const value of values) target.push(value);
  }

  global(module: unknown, name: unknown): void {
    if (!isName(module) || !isName(name))
      throw this.corrupt('its pickle names a global by something other than a text');
    const full = `${module}.${name}`;
    const known = this.options.globals.get(full);
    if (!known) {
      throw new ModelError(
        `its pickle asks for ${full}, which is no part of a tensor; nothing was run`,
        this.cursor.path,
        'use the model’s model.safetensors, or save its state_dict alone with torch.save',
      );
    }
    this.push(known);
  }

  reduce(): void {
    const [callee, args] = this.popSome(2);
    if (!(callee instanceof PickleGlobal) || !callee.call || !Array.isArray(args)) {
      throw this.corrupt('its pickle calls what is no function');
    }
    this.push(callee.call(args));
  }

  /** A state_dict has its modules' versions as an attribute; no dict needs one. */
  build(): void {
    this.pop();
    if (!(this.top() instanceof Map)) throw this.corrupt('its pickle sets attributes of what is no dict');
  }
}

/** Little-endian two's complement. */
function integer(bytes: Buffer): number | bigint {
  if (bytes.length > 32) return Number.NaN; // no size, place or magic number is so long
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i] as number);
  const signed = BigInt.asIntN(bytes.length * 8, value);
  return BigInt(Number(signed)) === signed ? Number(signed) : signed;
}

const OPCODES = new Map<number, (machine: Machine) => void>([
  [0x80, (m) => void m.uint(1)], // PROTO
  [0x95, (m) => void m.cursor.take(8)], // FRAME
  [0x28, (m) => m.mark()], // MARK
  [0x30, (m) => void m.pop()], // POP
  [0x31, (m) => void m.popToMark()], // POP_MARK
  [0x32, (m) => m.push(m.top())], // DUP
  [0x4e, (m) => m.push(null)], // NONE
  [0x88, (m) => m.push(true)], // NEWTRUE
  [0x89, (m) => m.push(false)], // NEWFALSE
  [0x4b, (m) => m.push(m.uint(1))], // BININT1
  [0x4d, (m) => m.push(m.uint(2))], // BININT2
  [0x4a, (m) => m.push(m.cursor.take(4).readInt32LE(0))], // BININT
  [0x8a, (m) => m.push(integer(m.cursor.take(m.uint(1))))], // LONG1
  [0x47, (m) => m.push(m.cursor.take(8).readDoubleBE(0))], // BINFLOAT
  [0x55, (m) => m.push(m.text(m.uint(1)))], // SHORT_BINSTRING
  [0x54, (m) => m.push(m.text(m.uint(4)))], // BINSTRING
  [0x8c, (m) => m.push(m.text(m.uint(1)))], // SHORT_BINUNICODE
  [0x58, (m) => m.push(m.text(m.uint(4)))], // BINUNICODE
  [0x5d, (m) => m.push([])], // EMPTY_LIST
  [0x61, (m) => m.append([m.pop()])], // APPEND
  [0x65, (m) => m.append(m.popToMark())], // APPENDS
  [0x29, (m) => m.push([])], // EMPTY_TUPLE
  [0x74, (m) => m.push(m.popToMark())], // TUPLE
  [0x85, (m) => m.push(m.popSome(1))], // TUPLE1
  [0x86, (m) => m.push(m.popSome(2))], // TUPLE2
  [0x87, (m) => m.push(m.popSome(3))], // TUPLE3
  [0x7d, (m) => m.push(new Map())], // EMPTY_DICT
  [0x73, (m) => m.setItems(m.popSome(2))], // SETITEM
  [0x75, (m) => m.setItems(m.popToMark())], // SETITEMS
  [0x68, (m) => m.recall(m.uint(1))], // BINGET
  [0x6a, (m) => m.recall(m.uint(4))], // LONG_BINGET
  [0x71, (m) => m.remember(m.uint(1))], // BINPUT
  [0x72, (m) => m.remember(m.uint(4))], // LONG_BINPUT
  [0x94, (m) => m.remember(m.memo.size)], // MEMOIZE
  [0x63, (m) => m.global(m.cursor.line(), m.cursor.line())], // GLOBAL
  [0x69, (m) => m.global(m.cursor.line(), m.cursor.line())], // INST, which would also call it
  [0x93, (m) => m.global(...(m.popSome(2) as [unknown, unknown]))], // STACK_GLOBAL
  [0x52, (m) => m.reduce()], // REDUCE
  [0x62, (m) => m.build()], // BUILD
  [0x51, (m) => m.push(m.options.persistent(m.pop()))], // BINPERSID
]);
