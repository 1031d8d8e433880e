/** Fine-tuning of text-embedding models. The public names of @uniem/finetuner. */

export type { TrainingData, TrainingDataDict } from './batches/training-data.ts';
export { evaluateRetrieval, type RetrievalTask } from './evaluation/retrieval.ts';
export {
  evaluateTask,
  inferTask,
  type Metrics,
  mainMetric,
  TASKS,
  type TaskData,
  type TaskName,
} from './evaluation/tasks.ts';
export type { Evaluation } from './evaluation/validation-task.ts';
export { type Step, train } from './gradients/trainer.ts';
export { type MiningOptions, mineHardNegatives } from './mining/hard-negatives.ts';
export { AdamW, type AdamWOptions } from './optimizer/adamw.ts';
export { LR_POLICIES, type LrSetting, suggestLr } from './optimizer/learning-rate.ts';
export { SCHEDULERS, type ScheduleOptions, schedule } from './optimizer/schedules.ts';
export { type FinetuneOptions, finetuneOptions, STRATEGIES, type StrategyName } from './options.ts';
export { curveSvg, type Point } from './report/curve.ts';
export type { EpochMetrics, EvaluationMetrics, StepMetrics, TaskMetrics } from './report/metrics.ts';
export {
  FineTuner,
  type FineTunerOptions,
  type RunResult,
} from './run/finetuner.ts';
export { detectModelType, MODEL_TYPES, type ModelType } from './run/model-type.ts';
export type { EpochEnd, RunHooks, RunOutcome, RunStart, StepEnd } from './run/run-hooks.ts';
