/** What a caller learns of a run while it goes, and at its end. */

import type { Evaluation } from '../evaluation/validation-task.ts';

/** A run that is about to make its first step. */
export interface RunStart {
  /** Step of the checkpoint it goes on from; 0 where it begins anew. */
  resumedFrom: number;
  /** Undefined for a stream of unknown length. */
  totalSteps: number | undefined;
}

/** A step that is done. */
export interface StepEnd {
  /** Counted from 1. */
  step: number;
  epoch: number;
  /** Mean over the step's batches. */
  loss: number;
  lr: number;
}

/** An epoch that is done, or that maxSteps or early stopping cuts short. */
export interface EpochEnd {
  /** Counted from 1. */
  epoch: number;
  trainLoss: number;
  /** Where there is a validation set. */
  validationLoss: number | undefined;
}

/** What a caller does as the run goes; a promise is awaited, and an error ends the run. */
export interface RunHooks {
  /** Aborting it ends the run after the current step; the model so far is saved, and the run can be resumed. */
  signal?: AbortSignal;
  onStart?: (start: RunStart) => unknown;
  onStep?: (end: StepEnd) => unknown;
  onEpoch?: (end: EpochEnd) => unknown;
}

/** How a run ended. */
export interface RunOutcome {
  /** Validations of whole epochs, where there is a validation set. */
  validation: { epoch: number; validationLoss: number }[];
  /** The validation set's task before and after, where there is one and the run was not stopped. */
  evaluation: Evaluation | undefined;
  /** Optimizer steps done, those before a resumed checkpoint included. */
  steps: number;
  /** Whether the signal ended the run early. */
  stopped: boolean;
}
