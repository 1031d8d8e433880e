/** What a command is: its flags and its work. Its module loads no engine and no reader before `run`. */

import type { z } from 'zod';

export interface Command<S extends z.ZodObject = z.ZodObject> {
  /** The flags that may be given without their names, in their order: `uniem setup native`. */
  arguments?: readonly string[];
  flags: S;
  run(flags: z.output<S>): Promise<void>;
}

/** Checks a command's types where it is written. */
export function defineCommand<S extends z.ZodObject>(command: Command<S>): Command {
  return command as unknown as Command;
}
