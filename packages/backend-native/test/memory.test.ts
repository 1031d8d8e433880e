/** Resident memory of a process that computes for long, in processes of their own; `npm run bench -- memory` runs longer. */

import { execFileSync } from 'node:child_process';

import { expect, test } from 'vitest';

const index = new URL('../dist/index.js', import.meta.url).href;

/** Rounds of layers over texts of ever other lengths; resident bytes after each, without V8's own heap. */
const PROGRAM = `
  import { readFileSync } from 'node:fs';
  import * as tf from ${JSON.stringify(import.meta.resolve('@tensorflow/tfjs-core'))};
  import { registerNativeBackend } from ${JSON.stringify(index)};
  await registerNativeBackend();
  await tf.setBackend('native');
  let state = 1;
  const next = (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) % below;
  };
  const layer = (x) => {
    const wide = tf.relu(tf.concat([x, x, x, x], 1));
    return [wide, tf.add(tf.slice(wide, [0, 128], [-1, 128]), x)];
  };
  const rounds = {
    encode: (T) => tf.tidy(() => {
      let x = tf.ones([T, 128]);
      for (let i = 0; i < 6; i++) [, x] = layer(x);
    }),
    train: (T) => { // activations are kept, and go one by one as their gradients come
      const kept = [tf.ones([T, 128])];
      for (let i = 0; i < 6; i++) kept.push(...tf.tidy(() => layer(kept.at(-1))));
      let gradient = tf.zeros([1]);
      for (const activation of kept.reverse()) {
        const next = tf.mul(activation, 2);
        tf.dispose([activation, gradient]);
        gradient = next;
      }
      gradient.dispose();
    },
  };
  const resident = [];
  rounds[process.argv[1]](2100); // the largest first: what may wait is a part of the most
  for (let round = 0; round < 60; round++) {
    for (let batch = 0; batch < 4; batch++) rounds[process.argv[1]](100 + next(2000));
    gc();
    const [, kilobytes] = /^VmRSS:\\s+(\\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'));
    resident.push(Number(kilobytes) * 1024 - process.memoryUsage().heapTotal);
  }
  console.log(JSON.stringify(resident));
`;

test.each(['encode', 'train'])('%s holds in the second half of its rounds what it held in the first', (kind) => {
  const output = execFileSync(process.execPath, ['--expose-gc', '--input-type=module', '-e', PROGRAM, kind], {
    encoding: 'utf8',
  });
  const resident = JSON.parse(output) as number[];
  const [first, second] = [resident.slice(0, 30), resident.slice(30)].map((half) => Math.max(...half) / 1e6);
  expect((second as number) / (first as number), `${first} MB, then ${second} MB`).toBeLessThan(1.03);
});
