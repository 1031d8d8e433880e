/** Where the numbers of a run go beside metrics.jsonl. */

import type { Metrics } from '../evaluation/tasks.ts';

/** How a run ended: by itself, by its signal, by an error. */
export type RunStatus = 'finished' | 'stopped' | 'failed';

export interface Tracker {
  /**
   * @param config The run's options.
   * @param resumedFrom Step of the checkpoint that the run goes on from; 0 where it begins anew.
   */
  start(config: Readonly<Record<string, unknown>>, resumedFrom: number): Promise<void>;
  log(metrics: Metrics, step: number): Promise<void>;
  end(status: RunStatus): Promise<void>;
}

/** Several trackers, none of which can end a run: one that fails is named once and left out from there on. */
export class Trackers {
  #alive: [name: string, tracker: Tracker][];
  readonly #warn: (warning: string) => void;

  constructor(trackers: Readonly<Record<string, Tracker>>, warn: (warning: string) => void) {
    this.#alive = Object.entries(trackers);
    this.#warn = warn;
  }

  start(config: Readonly<Record<string, unknown>>, resumedFrom: number): Promise<void> {
    return this.#each((tracker) => tracker.start(config, resumedFrom));
  }

  log(metrics: Metrics, step: number): Promise<void> {
    return this.#each((tracker) => tracker.log(metrics, step));
  }

  end(status: RunStatus): Promise<void> {
    return this.#each((tracker) => tracker.end(status));
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
