/** What options are called, without TensorFlow.js: for whoever reads options before there is anything to train. */

export const STRATEGIES = ['full', 'bitfit', 'lora', 'prefix'] as const;

export type StrategyName = (typeof STRATEGIES)[number];

export const LR_POLICIES = ['suggested', 'uniem'] as const;

export type LrPolicy = (typeof LR_POLICIES)[number];

export const SCHEDULERS = ['constant', 'linear', 'cosine'] as const;

export type SchedulerName = (typeof SCHEDULERS)[number];

export const TRACKERS = ['tensorboard', 'mlflow', 'wandb'] as const;

export type TrackerName = (typeof TRACKERS)[number];

export const MODEL_TYPES = ['sentence_transformers', 'uniem', 'text2vec', 'huggingface'] as const;

/** uniem's model types. */
export type ModelType = (typeof MODEL_TYPES)[number];

/** In the order in which records are tried for them. */
export const TASKS = [
  'retrieval',
  'bitext',
  'triplet',
  'sts',
  'pair-classification',
  'reranking',
  'classification',
  'clustering',
] as const;

export type TaskName = (typeof TASKS)[number];
