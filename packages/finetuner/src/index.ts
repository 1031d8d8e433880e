/** Fine-tuning of text-embedding models. The public names of @uniem/finetuner. */

export { AdamW, type AdamWOptions } from './adamw.ts';
export { evaluateRetrieval } from './evaluators/retrieval.ts';
export {
  FineTuner,
  type FineTunerOptions,
  type RunResult,
} from './finetuner.ts';
export { LR_POLICIES, type LrSetting, suggestLr } from './learning-rate.ts';
export type { EpochMetrics, EvaluationMetrics, StepMetrics } from './metrics.ts';
export { detectModelType, MODEL_TYPES, type ModelType } from './model-type.ts';
export { type FinetuneOptions, finetuneOptions } from './options.ts';
export { SCHEDULERS, type ScheduleOptions, schedule } from './schedules.ts';
export { STRATEGIES, type StrategyName } from './strategies/strategy.ts';
export { type Step, train } from './trainer.ts';
export type { TrainingData, TrainingDataDict } from './training-data.ts';
export type { EpochEnd, RunHooks, RunOutcome, RunStart, StepEnd } from './training-run.ts';
