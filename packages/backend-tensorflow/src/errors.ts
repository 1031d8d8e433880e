/** The error of this package. */

/** The TensorFlow engine cannot be set up or started. */
export class TensorflowError extends Error {
  readonly where: string;
  readonly fix: string;

  /**
   * @param what What is wrong.
   * @param fix What the reader can do next, as an instruction.
   */
  constructor(what: string, fix: string, options?: ErrorOptions) {
    super(`engine tensorflow: ${what}\n  fix: ${fix}`, options);
    this.name = 'TensorflowError';
    this.where = 'engine tensorflow';
    this.fix = fix;
  }
}
