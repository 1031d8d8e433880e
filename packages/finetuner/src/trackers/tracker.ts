/** Where the numbers of a run go beside metrics.jsonl. */

import type { Metrics } from '../evaluators/tasks.ts';

export interface Tracker {
  /** @param config The run's options. */
  start(config: Readonly<Record<string, unknown>>): Promise<void>;
  log(metrics: Metrics, step: number): Promise<void>;
  end(): Promise<void>;
}

/** Several trackers, none of which can end a run: one that fails is named once and left out from there on. */
export class Trackers {
  #alive: [name: string, tracker: Tracker][];
  readonly #warn: (warning: string) => void;

  constructor(trackers: Readonly<Record<string, Tracker>>, warn: (warning: string) => void) {
    this.#alive = Object.entries(trackers);
    this.#warn = warn;
  }

  start(config: Readonly<Record<string, unknown>>): Promise<void> {
    return this.#each((tracker) => tracker.start(config));
  }

  log(metrics: Metrics, step: number): Promise<void> {
    return this.#each((tracker) => tracker.log(metrics, step));
  }

  end(): Promise<void> {
    return this.#each((tracker) => tracker.end());
  }

  async #each(act: (tracker: Tracker) => Promise<void>): Promise<void> {
    for (const [name, tracker] of [...this.#alive]) {
      try {
        await act(tracker);
      } catch (error) {
        this.#alive = this.#alive.filter(([other]) => other !== name);
        this.#warn(`tracker ${name} failed, and the run goes on without it: ${(error as Error).message}`);
      }
    }
  }
}
