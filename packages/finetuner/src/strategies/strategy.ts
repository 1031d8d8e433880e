/** What a training strategy is: which values train, and how the model is made whole again afterwards. */

import type { Parameters } from '@uniem/core';

export interface Strategy {
  /** What trains, by name. */
  variables: Parameters;
  /** What stands before every text, '' for nothing. */
  prefix: string;
  /** Files that say what was trained, beside the model's own; called before `finish`. */
  save?: (folder: string) => Promise<void>;
  /** Puts what was trained into the model's own parameters; the model is a plain one afterwards. */
  finish: () => void;
  /** Instead of `finish`: what the strategy added is gone. Parameters of the model itself keep their values. */
  undo: () => void;
}
