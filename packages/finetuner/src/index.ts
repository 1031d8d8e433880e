/** Fine-tuning of text-embedding models. The public names of @uniem/finetuner. */

export type { TrainingData, TrainingDataDict } from './batches/training-data.ts';
export type { EncodingOptions } from './evaluation/encode-all.ts';
export type { Quantization } from './evaluation/quantized-ranks.ts';
export { evaluateRetrieval, type RetrievalOptions, type RetrievalTask } from './evaluation/retrieval.ts';
export {
  evaluateTask,
  inferTask,
  type Metrics,
  mainMetric,
  type TaskData,
} from './evaluation/tasks.ts';
export type { Evaluation } from './evaluation/validation-task.ts';
export { type Step, train } from './gradients/trainer.ts';
export { type MiningOptions, minedTriplets, mineHardNegatives } from './mining/hard-negatives.ts';
export {
  LR_POLICIES,
  MODEL_TYPES,
  type ModelType,
  SCHEDULERS,
  STRATEGIES,
  type StrategyName,
  TASKS,
  type TaskName,
} from './names.ts';
export { AdamW, type AdamWOptions } from './optimizer/adamw.ts';
export { type LrSetting, suggestLr } from './optimizer/learning-rate.ts';
export { type ScheduleOptions, schedule } from './optimizer/schedules.ts';
export { type FinetuneOptions, finetuneOptions } from './options.ts';
export { curveSvg, type Point } from './report/curve.ts';
export type { EpochMetrics, EvaluationMetrics, StepMetrics, TaskMetrics } from './report/metrics.ts';
export {
  FineTuner,
  type FineTunerOptions,
  type RunResult,
} from './run/finetuner.ts';
export { detectModelType } from './run/model-type.ts';
export type { EpochEnd, RunHooks, RunOutcome, RunStart, StepEnd } from './run/run-hooks.ts';
