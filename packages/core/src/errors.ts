/** Errors a user can act on: what happened, where, and how to fix it. */

/** Characters of a part of a message. */
const LONGEST = 500;

/** The base of every error this package throws on purpose; anything else that escapes is a bug. */
export class UniemError extends Error {
  readonly where: string | undefined;
  readonly fix: string;

  /**
   * @param what What is wrong, with the value that was received.
   * @param where File, option, tensor or parameter name; left out if unknown.
   * @param fix What the reader can do next, as an instruction.
   */
  constructor(what: string, where: string | undefined, fix: string, options?: ErrorOptions) {
    super(`${where ? `${cut(where)}: ` : ''}${cut(what)}\n  fix: ${fix}`, options);
    this.name = new.target.name;
    this.where = where;
    this.fix = fix;
  }
}

/** A file can make a name or value of any length. */
function cut(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

/** An option whose value, or whose combination with another, makes no sense. */
export class OptionError extends UniemError {}

/** A model folder, checkpoint or tokenizer that cannot be used. */
export class ModelError extends UniemError {}

/** An engine that cannot be started or cannot do what was asked. */
export class EngineError extends UniemError {}
