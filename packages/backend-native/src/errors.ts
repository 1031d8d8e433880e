/** The error of this package. */

/** The native engine cannot be built, loaded or used as asked. */
export class NativeError extends Error {
  readonly where: string;
  readonly fix: string;

  /**
   * @param what What is wrong.
   * @param fix What the reader can do next, as an instruction.
   */
  constructor(what: string, fix: string, options?: ErrorOptions) {
    super(`engine native: ${what}\n  fix: ${fix}`, options);
    this.name = 'NativeError';
    this.where = 'engine native';
    this.fix = fix;
  }
}
