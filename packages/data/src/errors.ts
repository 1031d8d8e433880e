/** The error of this package. */

/** Characters of a part of a message. */
const LONGEST = 500;

/** A file can make a name or value of any length. */
function cut(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

/** A record, file or stream that cannot be trained on. */
export class DataError extends Error {
  readonly where: string | undefined;
  readonly fix: string;

  /**
   * @param what What is wrong, with the value that was received.
   * @param where File and line; left out if unknown.
   * @param fix What the reader can do next, as an instruction.
   */
  constructor(what: string, where: string | undefined, fix: string, options?: ErrorOptions) {
    super(`${where ? `${cut(where)}: ` : ''}${cut(what)}\n  fix: ${cut(fix)}`, options);
    this.name = 'DataError';
    this.where = where;
    this.fix = fix;
  }
}
