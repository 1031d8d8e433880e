/**
 * Runs cases in a process of its own, one a message: `node fuzz/dist/child.js models SEED`. With the number of a case
 * behind it, that case alone, and says what came of it.
 */

import { createData } from './data.ts';
import { createModels } from './models.ts';
import { Random } from './random.ts';
import type { Outcome, Target } from './target.ts';

export const TARGETS: Readonly<Record<string, () => Promise<Target>>> = { models: createModels, data: createData };

/** What a child says before a case. */
export interface Begun {
  what: string;
}

/** What it says after it. */
export interface Report extends Outcome {
  number: number;
  /** The most memory that the process ever had, in MiB. */
  memory: number;
}

const [name = '', seedText = '', only] = process.argv.slice(2);
const create = TARGETS[name];
if (!create) throw new Error(`no target ${name}: give one of ${Object.keys(TARGETS).join(', ')}`);
const target = await create();

async function report(number: number, begin: (what: string) => void): Promise<Report> {
  const outcome = await target.run(new Random(Number(seedText), number), begin);
  return { number, memory: process.resourceUsage().maxRSS / 1024, ...outcome };
}

if (only !== undefined) console.log(await report(Number(only), console.log));
else {
  process.on('message', async (number: number) =>
    process.send?.(await report(number, (what) => process.send?.({ what }))),
  );
  process.on('disconnect', () => process.exit());
  process.send?.({}); // it has started
}
