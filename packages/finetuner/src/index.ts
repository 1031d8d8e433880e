/** Fine-tuning of text-embedding models. The public names of @uniem/finetuner. */

export { AdamW, type AdamWOptions } from './adamw.ts';
export { evaluateRetrieval, type RetrievalTask } from './evaluators/retrieval.ts';
export {
  evaluateTask,
  inferTask,
  type Metrics,
  mainMetric,
  TASKS,
  type TaskData,
  type TaskName,
} from './evaluators/tasks.ts';
export {
  FineTuner,
  type FineTunerOptions,
  type RunResult,
} from './finetuner.ts';
export { type MiningOptions, mineHardNegatives } from './hard-negatives.ts';
export { LR_POLICIES, type LrSetting, suggestLr } from './learning-rate.ts';
export type { EpochMetrics, EvaluationMetrics, StepMetrics, TaskMetrics } from './metrics.ts';
export { detectModelType, MODEL_TYPES, type ModelType } from './model-type.ts';
export { type FinetuneOptions, finetuneOptions } from './options.ts';
export { curveSvg, type Point } from './report/curve.ts';
export type { EpochEnd, RunHooks, RunOutcome, RunStart, StepEnd } from './run-hooks.ts';
export { SCHEDULERS, type ScheduleOptions, schedule } from './schedules.ts';
export { STRATEGIES, type StrategyName } from './strategies/strategy.ts';
export { type Step, train } from './trainer.ts';
export type { TrainingData, TrainingDataDict } from './training-data.ts';
export type { Evaluation } from './validation-task.ts';
