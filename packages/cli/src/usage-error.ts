/** Wrong usage: the process exits with 2. */
export class UsageError extends Error {
  /** @param what What is wrong, with the value that was received. @param where The flag, file or command. */
  constructor(what: string, where: string, fix: string, options?: ErrorOptions) {
    super(`${where}: ${what}\n  fix: ${fix}`, options);
    this.name = 'UsageError';
  }
}
