/** The weights that a run trains, as they were before it: a run that ends in NaN gives them back. */

import { rmSync } from 'node:fs';
import { join } from 'node:path';

import {
  assignParameters,
  downloadParameters,
  ModelError,
  openSafetensors,
  type Parameters,
  writeSafetensors,
} from '@uniem/core';

export const WEIGHTS_BEFORE = '.weights-before.safetensors';

export class WeightsBefore {
  readonly #path: string;
  readonly #variables: Parameters;

  private constructor(path: string, variables: Parameters) {
    this.#path = path;
    this.#variables = variables;
  }

  /**
   * Keeps them on the disk: in memory they would take as much as the model once more.
   *
   * @throws ModelError where the disk says no.
   */
  static async keep(outputDir: string, variables: Parameters): Promise<WeightsBefore> {
    const path = join(outputDir, WEIGHTS_BEFORE);
    const tensors = await downloadParameters(variables);
    try {
      writeSafetensors(path, tensors, false); // of use to this process alone
    } catch (cause) {
      rmSync(path, { force: true });
      const what = `the weights from before the run could not be kept (${(cause as Error).message})`;
      throw new ModelError(what, path, 'free disk space or choose another outputDir', { cause });
    }
    return new WeightsBefore(path, variables);
  }

  restore(): void {
    assignParameters(this.#variables, openSafetensors(this.#path), this.#path);
  }

  remove(): void {
    rmSync(this.#path, { force: true });
  }
}
