/** The error of this package. */

/** Why a file of the hub cannot be had. */
export class HubError extends Error {
  readonly where: string | undefined;
  readonly fix: string;
  /** The hub's answer, if there was one. */
  readonly status: number | undefined;

  /**
   * @param what What is wrong, with the value that was received.
   * @param where Repository or file.
   * @param fix What the reader can do next, as an instruction.
   */
  constructor(what: string, where: string, fix: string, options: ErrorOptions & { status?: number } = {}) {
    super(`${where}: ${what}\n  fix: ${fix}`, options);
    this.name = 'HubError';
    this.where = where;
    this.fix = fix;
    this.status = options.status;
  }
}
