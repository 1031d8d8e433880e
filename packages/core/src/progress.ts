/** A one-line progress bar on stderr, drawn on terminals only. */

import { either, FLAG, INDEX, NAME, oneOf } from '@uniem/hub/arguments';

import { requireKind } from './arguments.ts';

const WIDTH = 16; // leaves room for the loss and the pace on 80 columns
const MIN_MS = 80; // redraws a second are bounded, so that drawing costs nothing

/** What a bar shows at one moment. */
export interface Progress {
  label: string;
  done: number;
  /** Undefined for a stream, whose length is not known: no bar and no time left then. */
  total: number | undefined;
  /** Since the start. */
  seconds: number;
  /** Shown at the end of the line. */
  note: string;
}

/** The line of a moment, cut to the terminal's width: a longer one would wrap and leave its head behind. */
export function progressLine({ label, done, total, seconds, note }: Progress, columns: number): string {
  const parts = [label];
  if (total === undefined) parts.push(`${done}`, `${clock(seconds)} gone`);
  else {
    const filled = Math.round((WIDTH * done) / Math.max(total, 1));
    const left = done > 0 ? clock((seconds / done) * (total - done)) : '-:--';
    parts.push('█'.repeat(filled) + '░'.repeat(WIDTH - filled), `${done}/${total}`, `${left} left`);
  }
  return [...parts, note].join(' ').trimEnd().slice(0, columns);
}

export class ProgressBar {
  readonly #label: string;
  readonly #total: number | undefined;
  readonly #shown: boolean;
  readonly #start = performance.now();
  #drawn = 0;

  /** @param show 'auto' draws where stderr is a terminal. */
  constructor(label: string, total: number | undefined, show: boolean | 'auto' = 'auto') {
    requireKind(label, NAME, 'label');
    if (total !== undefined) requireKind(total, INDEX, 'total');
    requireKind(show, either(FLAG, oneOf('auto')), 'show');
    this.#label = label;
    this.#total = total;
    this.#shown = show === 'auto' ? Boolean(process.stderr.isTTY) : show;
  }

  /** @param done Of the total. @param note Shown at the end of the line. */
  update(done: number, note = ''): void {
    const now = performance.now();
    if (!this.#shown || (now - this.#drawn < MIN_MS && done !== this.#total)) return;
    this.#drawn = now;
    const seconds = (now - this.#start) / 1000;
    const line = progressLine(
      { label: this.#label, done, total: this.#total, seconds, note },
      (process.stderr.columns || 80) - 1,
    );
    process.stderr.write(`\r\x1b[K${line}`);
  }

  /** Ends the line. */
  end(): void {
    if (this.#shown && this.#drawn > 0) process.stderr.write('\n');
  }
}

function clock(seconds: number): string {
  const whole = Math.round(seconds);
  const minutes = Math.floor(whole / 60) % 60;
  const hours = Math.floor(whole / 3600);
  const tail = `${minutes}:${String(whole % 60).padStart(2, '0')}`;
  return hours > 0 ? `${hours}:${tail.padStart(5, '0')}` : tail;
}
