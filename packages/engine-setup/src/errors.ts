/** The error of an engine's package. */

/** An engine cannot be set up, started or used as asked. */
export class BackendError extends Error {
  readonly where: string;
  readonly fix: string;

  /**
   * @param engine The engine's name.
   * @param what What is wrong.
   * @param fix What the reader can do next, as an instruction.
   */
  constructor(engine: string, what: string, fix: string, options?: ErrorOptions) {
    super(`engine ${engine}: ${what}\n  fix: ${fix}`, options);
    this.name = new.target.name;
    this.where = `engine ${engine}`;
    this.fix = fix;
  }
}

/** An engine's own error, which names the engine. */
export type BackendErrorClass = new (what: string, fix: string, options?: ErrorOptions) => BackendError;
