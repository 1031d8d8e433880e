/** What a command is: its flags, its help, its work. */

import type { z } from 'zod';

export interface Command<S extends z.ZodObject = z.ZodObject> {
  summary: string;
  /** The flag that may be given without its name: `uniem setup native`. */
  argument?: string;
  flags: S;
  run(flags: z.output<S>): Promise<void>;
}

/** Checks a command's types where it is written. */
export function defineCommand<S extends z.ZodObject>(command: Command<S>): Command {
  return command as unknown as Command;
}
