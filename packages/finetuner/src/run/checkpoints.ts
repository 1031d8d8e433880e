/** Checkpoints of a run: all it takes to go on to the very weights of a run that was never interrupted. */

import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type * as tf from '@tensorflow/tfjs-core';
import {
  assignParameters,
  downloadParameters,
  ModelError,
  OptionError,
  openSafetensors,
  writeFolderWhole,
  writeSafetensors,
} from '@uniem/core';

import type { AdamW } from '../optimizer/adamw.ts';
import { requireFiniteWeights } from './finite.ts';

/** Where a run stands after a step. */
export interface RunState {
  /** Optimizer steps done. */
  step: number;
  /** The epoch under way, from 1. */
  epoch: number;
  /** Steps of it that are done: its data goes on after them. */
  stepsOfEpoch: number;
  /** Sum of its steps' losses. */
  epochLoss: number;
  /** Bytes of metrics.jsonl; what a run wrote after them is written again. */
  metricsBytes: number;
  /** The lowest validation loss so far, and how many evaluations came after it. */
  best: { validationLoss: number; step: number } | undefined;
  evaluationsSinceBest: number;
  /** Whether the evaluation after this step was cut off: it is made first of all. */
  evaluationDue: boolean;
  /** Validations of whole epochs. */
  validation: { epoch: number; validationLoss: number }[];
  /** Texts seen, by their tokens: of less than 8, 16, 32, … */
  lengths: number[];
  /** Loss of each of the first steps, for report.html: of a short run all. */
  losses: number[];
  /** The step after which each epoch ended. */
  epochSteps: number[];
  /** Of unrelated texts before the first step. */
  meanCosine: number | undefined;
}

/** What must be as it was for a run to go on: the options that decide the weights, the records, the frozen weights. */
export type RunIdentity = Readonly<Record<string, unknown>>;

interface Saved {
  state: RunState;
  identity: RunIdentity;
  /** Updates a parameter has seen, by name. */
  updates: Record<string, number>;
}

const STATE = 'state.json';
const PARAMETERS = 'parameters.safetensors';
const MOMENTS = 'moments.safetensors';
const BEST = 'best.safetensors';

/** `<outputDir>/checkpoints/step-N`: only whole folders have such a name. */
export class Checkpoints {
  readonly #folder: string;
  readonly #keep: number;

  /** @param keep How many are kept, the newest. */
  constructor(outputDir: string, keep: number) {
    this.#folder = join(outputDir, 'checkpoints');
    this.#keep = keep;
  }

  /** Takes those of an earlier run away. */
  clear(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** @throws ModelError where the disk says no, NotFinite for weights that are no numbers; earlier checkpoints stay. */
  async save(
    state: RunState,
    identity: RunIdentity,
    variables: ReadonlyMap<string, tf.Variable>,
    optimizer: AdamW,
  ): Promise<void> {
    const parameters = await downloadParameters(variables);
    requireFiniteWeights(parameters, state.step);
    const { moments, updates } = await optimizer.state();
    this.#make();
    await writeFolderWhole(
      join(this.#folder, `step-${state.step}`),
      (folder) => {
        writeSafetensors(join(folder, PARAMETERS), parameters);
        writeSafetensors(join(folder, MOMENTS), moments);
        const saved: Saved = { state, identity, updates };
        writeFileSync(join(folder, STATE), JSON.stringify(saved));
      },
      [STATE],
    );
    for (const step of this.#steps().slice(0, -this.#keep)) {
      rmSync(join(this.#folder, `step-${step}`), { recursive: true });
    }
  }

  /** What the interrupted run had found; undefined where there is no checkpoint. */
  newestBatchSize(): number | undefined {
    const step = this.#steps().at(-1);
    if (step === undefined) return undefined;
    return readSaved(join(this.#folder, `step-${step}`, STATE)).identity.batchSize as number;
  }

  /**
   * Sets the newest checkpoint's weights and moments; undefined where there is no checkpoint yet.
   *
   * @throws OptionError for a run that has other options than the checkpoint's; ModelError for a damaged checkpoint.
   */
  restore(identity: RunIdentity, variables: ReadonlyMap<string, tf.Variable>, optimizer: AdamW): RunState | undefined {
    this.#removePartial();
    const step = this.#steps().at(-1);
    if (step === undefined) return undefined;
    const folder = join(this.#folder, `step-${step}`);
    const { state, identity: was, updates } = readSaved(join(folder, STATE));
    for (const name of new Set([...Object.keys(was), ...Object.keys(identity)])) {
      const [then, now] = [JSON.stringify(was[name]), JSON.stringify(identity[name])];
      if (then === now) continue;
      throw new OptionError(
        `${name} was ${then} at step ${step} and is ${now} now`,
        'resume',
        'give the options of the interrupted run, or leave resume out to start anew',
      );
    }
    assignParameters(variables, openSafetensors(join(folder, PARAMETERS)), join(folder, PARAMETERS));
    optimizer.restore(variables, openSafetensors(join(folder, MOMENTS)), updates, join(folder, MOMENTS));
    return state;
  }

  /** Keeps the weights of the best evaluation so far. */
  async saveBest(variables: ReadonlyMap<string, tf.Variable>): Promise<void> {
    const parameters = await downloadParameters(variables);
    this.#make();
    const partial = join(this.#folder, `${BEST}.partial`);
    try {
      writeSafetensors(partial, parameters);
      renameSync(partial, join(this.#folder, BEST));
    } catch (cause) {
      rmSync(partial, { force: true });
      throw diskError('could not be saved', join(this.#folder, BEST), cause);
    }
  }

  /** Sets the weights that `saveBest` kept. */
  restoreBest(variables: ReadonlyMap<string, tf.Variable>): void {
    const path = join(this.#folder, BEST);
    assignParameters(variables, openSafetensors(path), path);
  }

  #make(): void {
    try {
      mkdirSync(this.#folder, { recursive: true });
    } catch (cause) {
      throw diskError('could not be made', this.#folder, cause);
    }
  }

  /** What a run that was killed left half written. */
  #removePartial(): void {
    if (!existsSync(this.#folder)) return;
    for (const name of readdirSync(this.#folder)) {
      if (name.includes('.partial') || name.includes('.previous'))
        rmSync(join(this.#folder, name), { recursive: true });
    }
  }

  /** Steps of the checkpoints there are, ascending: one that was being written has another name. */
  #steps(): number[] {
    if (!existsSync(this.#folder)) return [];
    const steps = readdirSync(this.#folder).flatMap((name) => /^step-(\d+)$/.exec(name)?.[1] ?? []);
    return steps.map(Number).sort((a, b) => a - b);
  }
}

function diskError(what: string, path: string, cause: unknown): ModelError {
  const fix = 'free disk space or choose another outputDir';
  return new ModelError(`${what} (${(cause as Error).message})`, path, fix, { cause });
}

function readSaved(path: string): Saved {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Saved;
  } catch (cause) {
    const what = `cannot be read (${(cause as Error).message})`;
    const fix = 'remove the folder of this checkpoint: the one before it is taken then, where there is one';
    throw new ModelError(what, path, fix, { cause });
  }
}
