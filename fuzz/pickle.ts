/** Mutations of pickles: other opcodes, and programs that ask for much memory, time or depth. */

import { type Mutated, mutateBytes } from './bytes.ts';
import type { Random } from './random.ts';

type Part = number | string | Buffer;

const code = (...parts: Part[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === 'number' ? Buffer.from([part]) : Buffer.from(part))));
const times = (count: number, ...parts: Part[]): Buffer => {
  const once = code(...parts);
  return Buffer.alloc(once.length * count, once);
};
const int32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value | 0);
  return bytes;
};
const int64 = (value: bigint) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt.asIntN(64, value));
  return bytes;
};
const text = (value: string) => code('X', int32(Buffer.byteLength(value)), value);

const GLOBAL = {
  orderedDict: 'ccollections\nOrderedDict\n',
  rebuild: 'ctorch._utils\n_rebuild_tensor_v2\n',
  float: 'ctorch\nFloatStorage\n',
};
const STORAGE = code('(', text('storage'), GLOBAL.float, text('0'), text('cpu'), 'K', 4, 't');
const DEEP = code(times(100_000, ']'), times(99_999, 'a'));
const PAIRS = code(']', '(', times(20_000, 'NN', 0x86), 'e');
const LONG_TEXT = text('x'.repeat(1_000_000));

/** Programs that do what no state_dict needs; each is a whole pickle but for its first two bytes and its end. */
const ATTACKS: readonly [what: string, program: () => Buffer][] = [
  ['a deep list', () => DEEP],
  ['a deep tuple', () => code('N', times(500_000, 0x85))],
  ['a deep dict', () => code(times(100_000, '}N'), 'N', times(100_000, 's'))],
  ['a million marks', () => times(1_000_000, '(')],
  ['a million marks, closed', () => code(times(900_000, '('), times(900_000, 't'))],
  ['two million values', () => times(1_999_990, 'N')],
  ['more opcodes than are read', () => times(3_000_000, 'N0')],
  ['a list that holds itself', () => code(']', 'q', 0, 'h', 0, 'a')],
  ['a dict that holds itself', () => code('}', 'q', 0, text('w'), 'h', 0, 's')],
  ['a memo of many', () => code(']', times(300_000, 'r', int32(-1)), times(100_000, 0x94))],
  ['a recall of much', () => code('N', 'j', int32(-1))],
  ['a long of 255 bytes', () => code(0x8a, 255, Buffer.alloc(255, 0x7f))],
  ['a LONG4 of 2 GB', () => code(0x8b, int32(0x7fffffff))],
  ['a text of 2 GB', () => code('X', int32(0x7fffffff))],
  ['a text of 2^63 bytes', () => code(0x8d, int64(2n ** 63n - 1n))],
  ['bytes of 2^40', () => code(0x8e, int64(2n ** 40n))],
  ['a frame of 2^63', () => code(0x95, int64(-1n), '}')],
  ['many texts of 16 MB', () => times(2, text('x'.repeat(16_000_000)))],
  ['a line without an end', () => code('c', 'x'.repeat(100_000))],
  ['a global by a deep name', () => code(DEEP, DEEP, 0x93)],
  ['a global by a list of itself', () => code(']', 'q', 0, 'h', 0, 'a', 'h', 0, 0x93)],
  ['a global by a long name', () => code(LONG_TEXT, text('b'), 0x93)],
  ['globals by a long name', () => code(LONG_TEXT, 'q', 0, '0', times(300_000, 'h', 0, 'h', 0, 0x93, '0'))],
  [
    'many dicts of many pairs',
    () => code(PAIRS, 'q', 0, GLOBAL.orderedDict, 'q', 1, times(300_000, 'h', 1, 'h', 0, 0x85, 'R', '0')),
  ],
  ['a dict of a deep key', () => code('}', DEEP, 'N', 's')],
  ['a call of a deep value', () => code(DEEP, DEEP, 'R')],
  ['a storage with a deep key', () => code('(', text('storage'), GLOBAL.float, DEEP, text('cpu'), 'K', 4, 'tQ')],
  ['a storage with a long key', () => code('(', text('storage'), GLOBAL.float, LONG_TEXT, text('cpu'), 'K', 4, 'tQ')],
  [
    'a storage of 2^62 values',
    () => code('(', text('storage'), GLOBAL.float, text('0'), text('cpu'), 0x8a, 8, int64(2n ** 62n), 'tQ'),
  ],
  ['many storages', () => code(STORAGE, 'q', 0, times(400_000, 'h', 0, 'Q', '0'))],
  ['a tensor of a deep shape', () => code(GLOBAL.rebuild, '(', STORAGE, 'Q', 'K', 0, DEEP, DEEP, 'tR')],
  [
    'tensors of many dimensions',
    () => {
      const shape = code('(', times(10_000, 'K', 1), 't', 'q', 0, '0');
      const view = code(GLOBAL.rebuild, '(', STORAGE, 'Q', 'K', 0, 'h', 0, 'h', 0, 't', 'q', 1, '0', 'q', 2, '0');
      return code(shape, view.subarray(0, -4), times(100_000, 'h', 2, 'h', 1, 'R', '0'));
    },
  ],
  [
    'a tensor of a huge shape',
    () => code(GLOBAL.rebuild, '(', STORAGE, 'Q', 'K', 0, 'J', int32(0x7fffffff), 0x85, 'K', 0, 0x85, 'tR'),
  ],
  [
    'a state_dict with the name __proto__',
    () => code('}', text('__proto__'), GLOBAL.rebuild, '(', STORAGE, 'Q', 'K', 0, 'K', 4, 0x85, 'K', 1, 0x85, 'tRs'),
  ],
  ['a state_dict of one long name', () => code('}', LONG_TEXT, 'N', 's')],
  ['os.system', () => code('cposix\nsystem\n', text('touch /tmp/uniem-was-here'), 0x85, 'R')],
];

/** Opcodes that are read, and some that are not. */
const OPCODES = Buffer.concat([
  Buffer.from('(012aNKMJGUTX]e)t}suhjqrcRbQ.I}'),
  Buffer.from([0x80, 0x85, 0x94, 0x95, 0x93]),
]);

/** Another pickle, of the same beginning. */
export function mutatePickle(random: Random, pickle: Buffer): Mutated {
  const kind = random.next();
  if (kind < 0.25) return mutateBytes(random, pickle);
  const at = random.below(pickle.length);
  if (kind < 0.6) {
    const opcode = OPCODES[random.below(OPCODES.length)] as number;
    const copy = Buffer.from(pickle);
    const places = [...pickle.keys()].filter((place) => OPCODES.includes(pickle[place] as number));
    const place = random.of(places);
    copy[place] = opcode;
    return { what: `byte ${place} of the pickle is opcode 0x${opcode.toString(16)}`, bytes: copy };
  }
  const [what, program] = random.of(ATTACKS);
  if (kind < 0.75) {
    const bytes = code(pickle.subarray(0, at), program(), pickle.subarray(at));
    return { what: `${what} at byte ${at} of the pickle`, bytes };
  }
  return { what: `the pickle is ${what}`, bytes: code(pickle.subarray(0, 2), program(), '.') };
}
