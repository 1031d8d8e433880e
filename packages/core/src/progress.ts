/** A one-line progress bar on stderr, drawn on terminals only. */

const WIDTH = 24;
const MIN_MS = 80; // redraws a second are bounded, so that drawing costs nothing

export class ProgressBar {
  readonly #label: string;
  readonly #total: number;
  readonly #shown: boolean;
  readonly #start = performance.now();
  #drawn = 0;

  /** @param show 'auto' draws where stderr is a terminal. */
  constructor(label: string, total: number, show: boolean | 'auto' = 'auto') {
    this.#label = label;
    this.#total = total;
    this.#shown = show === 'auto' ? Boolean(process.stderr.isTTY) : show;
  }

  /** @param done Of the total. @param note Shown at the end of the line. */
  update(done: number, note = ''): void {
    const now = performance.now();
    if (!this.#shown || (now - this.#drawn < MIN_MS && done < this.#total)) return;
    this.#drawn = now;
    const filled = Math.round((WIDTH * done) / Math.max(this.#total, 1));
    const bar = '█'.repeat(filled) + '░'.repeat(WIDTH - filled);
    const secondsLeft = done > 0 ? ((now - this.#start) / 1000 / done) * (this.#total - done) : 0;
    process.stderr.write(`\r\x1b[K${this.#label} ${bar} ${done}/${this.#total} ${clock(secondsLeft)} left ${note}`);
  }

  /** Ends the line. */
  end(): void {
    if (this.#shown && this.#drawn > 0) process.stderr.write('\n');
  }
}

function clock(seconds: number): string {
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}
