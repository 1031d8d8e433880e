/** How fast a run goes. */

/** Records a second, since the last reading and since the start. */
export class Pace {
  readonly #start = performance.now();
  #lastTime = this.#start;
  #lastRecords = 0;
  #records = 0;

  add(records: number): void {
    this.#records += records;
  }

  take(): number {
    const now = performance.now();
    const pace = (1000 * (this.#records - this.#lastRecords)) / (now - this.#lastTime);
    this.#lastTime = now;
    this.#lastRecords = this.#records;
    return Math.round(pace * 100) / 100;
  }

  overall(): number {
    return (1000 * this.#records) / (performance.now() - this.#start);
  }
}
