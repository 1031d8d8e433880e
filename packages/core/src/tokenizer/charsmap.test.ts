/** What a character map remembers; what it gives is checked beside Python's in python.test.ts and steps.test.ts. */

import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';

import { Charsmap } from './charsmap.ts';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

const bytes = gunzipSync(readFileSync(new URL('../../../../fixtures/tokenizers/nmt_nfkc.bin.gz', import.meta.url)));

test('texts of all characters leave no more memory taken than those of ten thousand', () => {
  const map = new Charsmap(bytes);
  const held = () => {
    gc();
    return process.memoryUsage().heapUsed / 2 ** 20;
  };
  const before = held();
  for (let code = 0x10000; code < 0x90000; code += 64) {
    map.apply(String.fromCodePoint(...Array.from({ length: 64 }, (_, i) => code + i)));
  }
  expect(held() - before).toBeLessThan(8); // half a million remembered are 50 MB
  expect(map.apply('ﬁＡ①')).toBe('fiA1');
});
