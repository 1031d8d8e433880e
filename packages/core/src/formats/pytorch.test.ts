/** Against fixtures/checkpoints/generate.py: what torch.save wrote, and pickles that would run code. */

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, describe, expect, test } from 'vitest';

import { openPytorch } from './pytorch.ts';

const fixtures = fileURLToPath(new URL('../../../../fixtures/checkpoints/', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'uniem-pytorch-'));
afterAll(() => rmSync(folder, { recursive: true }));

const { mixed } = JSON.parse(readFileSync(join(fixtures, 'expected.json'), 'utf8')) as {
  mixed: Record<string, { shape: number[]; values: (number | string)[] }>;
};

describe.each(['mixed-zip.bin', 'mixed-old.bin', 'mixed-protocol-4.bin'])('%s', (name) => {
  const path = join(fixtures, name);

  test('has the values torch saved, of every dtype, view and shared storage; integers are left out', () => {
    const tensors = openPytorch(path);
    expect([...tensors.keys()]).toEqual(Object.keys(mixed));
    for (const [name, { shape, values }] of Object.entries(mixed)) {
      const expected = values.map((value) => Number(String(value).replace('inf', 'Infinity')));
      expect(tensors.get(name)?.shape, name).toEqual(shape);
      expect(tensors.get(name)?.read(), name).toEqual(Float32Array.from(expected)); // toEqual tells −0 from 0
    }
  });

  test('cut anywhere is an error that names the file', () => {
    const bytes = readFileSync(path);
    const cut = join(folder, name);
    for (let length = 0; length < bytes.length; length += 7) {
      writeFileSync(cut, bytes.subarray(0, length));
      expect(() => openPytorch(cut), `${length} bytes`).toThrow(`${cut}: truncated or corrupt: `);
    }
  });
});

describe('a pickle that asks for more than tensors is refused by name', () => {
  const ASKED: Record<string, string> = {
    system: 'posix.system',
    eval: '__builtin__.eval',
    getattr: '__builtin__.getattr',
    load: 'torch.serialization.load',
    module: 'torch.nn.modules.linear.Linear',
  };
  const files = readdirSync(join(fixtures, 'hostile')).filter((name) => /-(zip|old)\.bin$/.test(name));

  test.each(files)('%s', (name) => {
    const path = join(fixtures, 'hostile', name);
    expect(() => openPytorch(path)).toThrow(
      `${path}: its pickle asks for ${ASKED[name.split('-')[0] as string]}, which is no part of a tensor; ` +
        'nothing was run\n  fix: use the model’s model.safetensors, or save its state_dict alone with torch.save',
    );
  });
});

test.each([
  ['compressed.bin', 'entry archive/data.pkl is compressed\n  fix: save the weights with torch.save'],
  ['plain.bin', 'truncated or corrupt: no weight file of torch.save\n  fix: download or copy the file again'],
  ['list.bin', 'holds no state_dict\n  fix: save model.state_dict() with torch.save'],
  ['none.bin', 'weight file not found\n  fix: give a folder that holds it'],
])('%s is refused', (name, text) => {
  const path = join(fixtures, 'hostile', name);
  expect(() => openPytorch(path)).toThrow(`${path}: ${text}`);
});

describe('a pickle of one line', () => {
  const pickled = (...bytes: (number | string | Buffer)[]) => {
    const path = join(folder, 'line.bin');
    writeFileSync(path, Buffer.concat(bytes.map((part) => Buffer.from(typeof part === 'number' ? [part] : part))));
    return path;
  };

  const latin1 = (code: string) => Buffer.from(code, 'latin1');
  const deep = ']'.repeat(100_000) + 'a'.repeat(99_999);
  const megabyte = latin1(`X\0\0\x10\0${'x'.repeat(2 ** 20)}`);
  // Twenty thousand pairs, made a dict a hundred thousand times: 10 s, where all are looked at each time.
  const manyDicts = [
    latin1(`](${'NN\x86'.repeat(20_000)}eq\0ccollections\nOrderedDict\nq\x01`),
    latin1(`${'h\x01h\0\x85R0'.repeat(100_000)}.`),
  ];
  const wide = latin1(`ctorch._utils\n_rebuild_tensor\n(NK\0(${'K\x01'.repeat(65)}tq\0h\0tR.`);

  test.each<[string, (number | string | Buffer)[], string]>([
    ['an empty stack', ['0.'], 'its pickle takes a value where there is none'],
    ['a recall of nothing', ['h', 9, '.'], 'its pickle recalls value 9, which is not there'],
    ['an append to no list', ['NNa.'], 'its pickle appends to what is no list'],
    ['an item of no dict', ['NNNs.'], 'its pickle fills what is no dict'],
    ['a call of a value', ['N)R.'], 'its pickle calls what is no function'],
    ['attributes of a list', ['])b.'], 'its pickle sets attributes of what is no dict'],
    ['an end of no mark', ['t.'], 'its pickle has no mark'],
    ['an object by NEWOBJ', ['N)', 0x81, '.'], 'opcode 0x81 of its pickle is not read'],
    ['a text longer than the file', ['X', 0xff, 0xff, 0xff, 0x7f], '2147483647 bytes at byte 5 reach past the end'],
    ['a name without an end', ['c', 'x'.repeat(2000)], 'a name in its pickle has no end'],
    ['a deep list for a name', [deep, deep, 0x93, '.'], 'its pickle names a global by something other than a text'],
    ['a name of a megabyte', [megabyte, megabyte, 0x93, '.'], 'its pickle names a global by something other than a'],
    [
      'a storage of a long key',
      ['(X', 7, 0, 0, 0, 'storagectorch\nFloatStorage\n', megabyte, 'NK', 4, 'tQ.'],
      'its pickle keeps',
    ],
    ['ever the same pairs', manyDicts, 'its pickle makes an OrderedDict of something other than pairs'],
    ['a tensor of 65 dimensions', [wide], 'a tensor has no storage, shape or strides'],
    ['something kept outside', ['NQ.'], 'its pickle keeps something other than a storage outside'],
  ])('with %s is refused', (_, bytes, text) => {
    const path = pickled(...bytes);
    expect(() => openPytorch(path)).toThrow(`${path}: truncated or corrupt: ${text}`);
  });

  test('that does not end is refused', () => {
    const path = pickled('N0'.repeat(1_100_000));
    expect(() => openPytorch(path)).toThrow(`${path}: truncated or corrupt: its pickle does not end`);
  });
});
