/** Mutations of torch.save's format before 1.6: pickles one after the other, then storages. */

import { type Mutated, mutateBytes } from './bytes.ts';
import { mutatePickle } from './pickle.ts';
import type { Random } from './random.ts';

/** The pickles that come before that of the tensors: a magic number, a version, and the machine. */
const BEFORE = Buffer.from('sizes', 'latin1');

/** Another file: its bytes, or those from its pickle of tensors on. */
export function mutateOldPytorch(random: Random, bytes: Buffer): Mutated {
  if (random.chance(0.4)) return mutateBytes(random, bytes);
  const start = bytes.indexOf(Buffer.from([0x80, 0x02]), bytes.indexOf(BEFORE) + 1); // after the machine's type_sizes
  const { what, bytes: rest } = mutatePickle(random, bytes.subarray(start));
  return { what: `${what}, which begins at ${start}`, bytes: Buffer.concat([bytes.subarray(0, start), rest]) };
}
