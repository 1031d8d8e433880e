/** All that a run is made of, found and checked before its first step. */

import { join } from 'node:path';
import { crc32 } from 'node:zlib';

import { type Embedder, OptionError, type Parameters } from '@uniem/core';
import { Dataset } from '@uniem/data';
import { type BatchSource, hopelessBatches, totalSteps } from '../batches/record-batches.ts';
import type { TrainingRows } from '../batches/training-data.ts';
import { findBatchSize } from '../gradients/batch-size.ts';
import { AdamW } from '../optimizer/adamw.ts';
import { suggestLr } from '../optimizer/learning-rate.ts';
import { type Schedule, schedule } from '../optimizer/schedules.ts';
import type { ResolvedFinetuneOptions, RunOptions } from '../options.ts';
import { MetricsFile } from '../report/metrics.ts';
import { applyStrategy } from '../strategies/index.ts';
import { layerLrFactors } from '../strategies/layers.ts';
import type { Strategy } from '../strategies/strategy.ts';
import { makeTrackers } from '../trackers/index.ts';
import { Trackers } from '../trackers/tracker.ts';
import { Checkpoints, type RunIdentity, type RunState } from './checkpoints.ts';
import { prepareOutput } from './output-folder.ts';
import { lockFolder } from './run-lock.ts';
import { WeightsBefore } from './weights-before.ts';

/** Tokens a text where neither the caller nor the model says less: uniem's. */
const MAX_LENGTH = 512;

/** Options that have no part in which weights come out; all others must be the same for a run to be resumed. */
const FREE_OPTIONS = new Set([
  'outputDir',
  'resume',
  'saveSteps',
  'saveOnEpochEnd',
  'numMaxCheckpoints',
  'logInterval',
  'evalRecords',
  'logWith',
  'backend',
]);

export interface PreparedRun {
  source: BatchSource;
  data: TrainingRows;
  strategy: Strategy;
  optimizer: AdamW;
  checkpoints: Checkpoints;
  identity: RunIdentity;
  metrics: MetricsFile;
  trackers: Trackers;
  /** Undefined for a stream of unknown length. */
  totalSteps: number | undefined;
  peakLr: number;
  lr: Schedule;
  /** Where the run begins: at its first step, or where its checkpoint was. */
  state: RunState;
  /** The model's own weights that train; undefined where the strategy adds what trains. */
  before: WeightsBefore | undefined;
  /** Gives the output folder free. */
  release: () => void;
}

/**
 * Prepares the model, and restores the checkpoint of a run to resume. Where that fails, the model is as it was.
 *
 * @param isEmbedder Whether the model was trained as one before.
 * @throws OptionError where no step can be made, or the run cannot be resumed with these options.
 */
export async function prepareRun(
  embedder: Embedder,
  data: TrainingRows,
  resolved: ResolvedFinetuneOptions,
  isEmbedder: boolean,
): Promise<PreparedRun> {
  const { outputDir, resume, strategy: strategyName, lrPolicy: policy } = resolved;
  const values = valuesOf(embedder.parameters);
  const checkpoints = new Checkpoints(outputDir, resolved.numMaxCheckpoints);
  const names = new Set(embedder.parameters.keys());
  const strategy = applyStrategy(embedder, resolved);
  let optimizer: AdamW | undefined;
  let before: WeightsBefore | undefined;
  let release: (() => void) | undefined;
  try {
    const { recordType } = data;
    const { prefix, variables } = strategy;
    const { maxLength = MAX_LENGTH } = resolved;
    const given = { ...resolved, maxLength: Math.min(maxLength, embedder.maxLength) };
    if (resolved.maxLength !== undefined && maxLength > embedder.maxLength) {
      warn(`maxLength ${maxLength}: the model has positions for ${embedder.maxLength} tokens, where texts are cut`);
    }
    requireTrainable(variables, strategyName === 'bitfit' ? 'bitfitKeywords' : 'freezeLayers');
    const batchSize =
      given.batchSize ??
      (resume ? checkpoints.newestBatchSize() : undefined) ??
      (await findBatchSize(data.train, { embedder, recordType, options: given, prefix, variables }));
    const options: RunOptions = { ...given, batchSize };
    const source: BatchSource = { embedder, recordType, options, prefix };
    const steps = await totalSteps(source, data.train);
    requireEvaluations(options, steps);
    const hopeless = await hopelessBatches(source, data.train);
    if (hopeless !== undefined) warn(hopeless);
    const trainable = valuesOf(variables);
    const peakLr = options.lr ?? suggestLr({ policy, strategy: strategyName, trainable, values, isEmbedder });
    const lr = schedule(peakLr, options, steps);
    const trackers = new Trackers(makeTrackers(options.logWith, outputDir), warn);
    prepareOutput(outputDir);
    release = await lockFolder(outputDir);
    const own = new Map([...variables].filter(([name]) => names.has(name)));
    if (own.size > 0) before = await WeightsBefore.keep(outputDir, own);
    const lrFactor = layerLrFactors(embedder.parameters.keys(), options.layerLrDecay);
    optimizer = new AdamW({ weightDecay: options.weightDecay, lrFactor });
    const identity = identityOf(source, data, variables);
    const restored = resume ? checkpoints.restore(identity, variables, optimizer) : undefined;
    if (!restored) checkpoints.clear();
    const state = { ...beginning(), ...restored };
    const metrics = new MetricsFile(join(outputDir, 'metrics.jsonl'), state.metricsBytes);
    const made = { source, data, strategy, optimizer, checkpoints, identity, metrics, trackers };
    return { ...made, totalSteps: steps, peakLr, lr, state, before, release };
  } catch (error) {
    optimizer?.dispose();
    strategy.undo();
    before?.restore();
    before?.remove();
    release?.();
    throw error;
  }
}

const beginning = (): RunState => ({
  step: 0,
  epoch: 1,
  stepsOfEpoch: 0,
  epochLoss: 0,
  metricsBytes: 0,
  best: undefined,
  evaluationsSinceBest: 0,
  evaluationDue: false,
  validation: [],
  lengths: [],
  losses: [],
  epochSteps: [],
  meanCosine: undefined,
});

/** To stderr, which leaves stdout to results. */
export function warn(warning: string): void {
  process.stderr.write(`warning: ${warning}\n`);
}

/** @throws OptionError where all that would train is a pooler, which has no part in embeddings, or nothing. */
function requireTrainable(variables: Parameters, option: string): void {
  if ([...variables.keys()].some((name) => !/(^|\.)pooler\./.test(name))) return;
  const fix = option === 'freezeLayers' ? 'give a smaller number' : 'give parts of the names of other parameters';
  throw new OptionError('no parameter that the embeddings depend on would be trained', option, fix);
}

/** @throws OptionError for options that wait for a validation which never comes. */
function requireEvaluations(options: RunOptions, steps: number | undefined): void {
  const { evalSteps = 0, keepBest, earlyStoppingPatience } = options;
  const needy = keepBest ? 'keepBest' : earlyStoppingPatience !== undefined ? 'earlyStoppingPatience' : undefined;
  if (!needy || steps === undefined || evalSteps <= steps) return;
  const what = `the run has ${steps} steps (received ${evalSteps}): ${needy} would see no validation`;
  throw new OptionError(what, 'evalSteps', `give at most ${steps}, or leave it out`);
}

/** The options that decide the weights, the records, and what of the model does not train. */
function identityOf({ embedder, recordType, options }: BatchSource, data: TrainingRows, variables: Parameters) {
  const deciding = Object.entries(options).filter(([name]) => !FREE_OPTIONS.has(name));
  const records = data.train instanceof Dataset ? data.train.length : 'a stream';
  let frozen = 0;
  for (const [name, variable] of embedder.parameters) {
    if (variables.has(name)) continue;
    const { buffer, byteOffset, byteLength } = variable.dataSync() as Float32Array;
    frozen = crc32(new Uint8Array(buffer, byteOffset, byteLength), frozen);
  }
  const model = { pooling: embedder.poolingStrategy, frozenWeights: frozen };
  return { ...Object.fromEntries(deciding), recordType, records, ...model };
}

function valuesOf(variables: Parameters): number {
  return [...variables.values()].reduce((sum, { size }) => sum + size, 0);
}
