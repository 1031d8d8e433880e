/** Every option of a training run, once: its type, default, limits and help all come from here. */

import {
  BACKENDS,
  DEFAULT_TEMPERATURE,
  DEFAULT_TRIPLET_MARGIN,
  DISTILLATION_LOSS_TYPES,
  IN_BATCH_LOSS_TYPES,
  LABELED_LOSS_TYPES,
  OptionError,
  PRECISIONS,
} from '@uniem/core/names';
import { z } from 'zod';

import { LR_POLICIES, SCHEDULERS, STRATEGIES, TRACKERS } from './names.ts';

const positiveInt = z.int().positive();

export const finetuneOptions = z.strictObject({
  outputDir: z.string().default('finetuned-model').describe('folder for the model and metrics.jsonl'),
  epochs: z.number().positive().default(3).describe('passes over the training data; a fraction ends within one'),
  maxSteps: positiveInt.optional().describe('optimizer steps after which to stop, whatever epochs says'),
  batchSize: positiveInt
    .optional()
    .describe('records a batch; if left out 256, halved until the longest records fit into memory'),
  gradientAccumulationSteps: positiveInt.default(1).describe('batches a step; adds no in-batch negatives'),
  gradientCheckpointing: z
    .boolean()
    .default(false)
    .describe('compute layers again in backward: less memory, more time'),
  lr: z.number().nonnegative().optional().describe('peak learning rate; by lrPolicy if left out'),
  lrPolicy: z
    .enum(LR_POLICIES)
    .default('suggested')
    .describe("the lr that is left out: suggested by model and strategy, or uniem's rule by trainable values"),
  layerLrDecay: z.number().positive().max(1).default(1).describe('factor of the lr for each layer further down'),
  scheduler: z
    .enum(SCHEDULERS)
    .optional()
    .describe('lr after the warmup; if left out cosine with warmupSteps, else constant'),
  warmupSteps: z.number().nonnegative().optional().describe('steps of linear warmup, below 1 a fraction of all'),
  gradCacheTokens: positiveInt
    .optional()
    .describe(
      'tokens encoded at once: a larger batch goes part by part, to the same gradient in less memory (GradCache)',
    ),
  maxGradNorm: z.number().positive().optional().describe('global norm that gradients are clipped to'),
  weightDecay: z.number().nonnegative().default(1e-3).describe('decoupled; skips bias and LayerNorm parameters'),
  temperature: z.number().positive().default(DEFAULT_TEMPERATURE).describe('divides cosines before the loss'),
  lossType: z.enum(IN_BATCH_LOSS_TYPES).default('softmax').describe('in-batch loss of pairs and triplets'),
  strategy: z
    .enum(STRATEGIES)
    .default('full')
    .describe('what trains: all, the biases, low-rank adapters, or new tokens before every text'),
  bitfitKeywords: z.array(z.string()).default(['bias']).describe('bitfit trains the parameters whose names hold one'),
  loraRank: positiveInt.default(8).describe('rank of the adapters'),
  loraAlpha: z
    .number()
    .positive()
    .optional()
    .describe('scale of the adapters times their rank; 2 · loraRank if left out'),
  loraTargets: z
    .array(z.string())
    .default([])
    .describe('ends of the names of adapted layers; the query and value projections if left out'),
  saveAdapter: z.boolean().default(false).describe("also save the adapters, in PEFT's layout, as outputDir/adapter"),
  prefixTokens: z.array(z.string()).default([]).describe('new tokens of strategy prefix, as [query]'),
  freezeLayers: z.int().nonnegative().default(0).describe('lowest layers that do not train, with the embeddings'),
  maxLength: positiveInt
    .optional()
    .describe("tokens a text, cut at the end; if left out the model's own limit, 512 at most"),
  dropout: z.number().min(0).max(1).optional().describe('every dropout probability; from config.json if left out'),
  shuffle: z.boolean().default(false).describe('shuffle each epoch'),
  shuffleBuffer: positiveInt
    .default(1000)
    .describe('records a stream is shuffled through; a file in an order of its own needs more'),
  uniqueTexts: z
    .boolean()
    .default(false)
    .describe('no text twice in a batch, where it would be a negative of its own positive'),
  taskField: z.string().optional().describe("column that names a record's task: each batch is of one task"),
  taskSampling: z
    .enum(['proportional', 'round_robin'])
    .default('proportional')
    .describe(
      'which task comes next: by the number of their records, or each in turn, where an epoch ends with the shortest',
    ),
  tokenBudget: positiveInt
    .optional()
    .describe(
      'tokens a batch at most, so that one of long texts has fewer records; a record above it is a batch of its own, and two pairs always go together',
    ),
  dropLast: z.boolean().default(false).describe('leave out a last batch that is not full'),
  seed: z.int().nonnegative().default(42).describe('of shuffling and dropout'),
  precision: z.enum(PRECISIONS).default('fp32').describe('arithmetic of matrix products; weights stay fp32'),
  evalSteps: positiveInt.optional().describe('steps between validations; at the end of each epoch if left out'),
  evalRecords: z
    .int()
    .nonnegative()
    .default(1000)
    .describe(
      'validation records, the first, on which the model is measured before and after training, as uniem evaluate does; 0 for none',
    ),
  earlyStoppingPatience: positiveInt
    .optional()
    .describe('validations without a lower loss after which to stop; needs a validation set'),
  keepBest: z.boolean().default(false).describe('save the weights of the lowest validation loss, not the last ones'),
  saveSteps: positiveInt.optional().describe('steps between checkpoints, from which resume goes on'),
  saveOnEpochEnd: z.boolean().default(false).describe('also a checkpoint at the end of each epoch'),
  numMaxCheckpoints: positiveInt.default(1).describe('newest checkpoints that are kept'),
  resume: z
    .boolean()
    .default(false)
    .describe("go on from outputDir's newest checkpoint, to the weights of an unbroken run; begin where there is none"),
  backend: z.enum(BACKENDS).default('auto').describe('engine to train on'),
  logWith: z
    .array(z.enum(TRACKERS))
    .default([])
    .describe(
      'also log to these: tensorboard writes to outputDir/tensorboard, mlflow to MLFLOW_TRACKING_URI, wandb offline files to outputDir/wandb for wandb sync',
    ),
  logInterval: positiveInt.default(10).describe('steps between lines of metrics.jsonl'),
  swapLoss: z
    .boolean()
    .default(false)
    .describe("add to the triplet loss the pair loss of positives against texts: uniem's add_swap_loss"),
  symmetricLoss: z
    .boolean()
    .default(false)
    .describe('the mean of the in-batch loss and of the pair loss of positives against texts'),
  inBatchPositives: z
    .boolean()
    .default(false)
    .describe("other records' positives are negatives of a triplet too, as in sentence-transformers"),
  maskSameTexts: z
    .boolean()
    .default(false)
    .describe('no negative is a text that is equal to the own one, or a positive of an equal one'),
  falseNegativeMargin: z
    .number()
    .optional()
    .describe("no negative is a text whose cosine is above the positive's less this; below 0 milder"),
  matryoshkaDims: z
    .array(positiveInt)
    .default([])
    .describe('lengths to which embeddings can be cut after training; name the full length too'),
  matryoshkaWeights: z.array(z.number().positive()).default([]).describe('weight of each length; all 1 if left out'),
  distillationLoss: z
    .enum(DISTILLATION_LOSS_TYPES)
    .optional()
    .describe(
      "mse (if left out) or cosine towards the vectors of {text, vector}; kl (if left out) over the candidates of triplets with a teacher's scores, or margin_mse of their differences",
    ),
  teacherTemperature: z.number().positive().default(1).describe("divides a teacher's scores before the softmax of kl"),
  contrastiveWeight: z
    .number()
    .nonnegative()
    .default(0)
    .describe(
      "adds so much of the in-batch loss of triplets to the distillation of a teacher's scores; FlagEmbedding's is 1",
    ),
  labeledLoss: z
    .enum(LABELED_LOSS_TYPES)
    .default('supcon')
    .describe('loss of texts with class labels, over batches with several texts of a class'),
  tripletMargin: z
    .number()
    .positive()
    .default(DEFAULT_TRIPLET_MARGIN)
    .describe('of batch_all_triplet: how much nearer, in Euclidean distance, a text of the same class has to be'),
});

/** What a caller writes: everything with a default may be left out. */
export type FinetuneOptions = z.input<typeof finetuneOptions>;

/** Defaults filled in. */
export type ResolvedFinetuneOptions = z.output<typeof finetuneOptions>;

/** What the trainer reads: what was found for options left out, too. */
export type RunOptions = ResolvedFinetuneOptions & { batchSize: number; maxLength: number };

/** What options are that nobody gives. */
export const DEFAULT_OPTIONS: Readonly<ResolvedFinetuneOptions> = finetuneOptions.parse({});

/** @throws OptionError naming the option and the value received. */
export function resolveOptions(options: FinetuneOptions): ResolvedFinetuneOptions {
  if (typeof options !== 'object' || options === null) {
    throw new OptionError(`must be an object (received ${String(options)})`, 'options', 'give an object of options');
  }
  const result = finetuneOptions.safeParse(options);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const name = String(issue?.path[0] ?? '');
  const received = name ? ` (received ${JSON.stringify((options as Record<string, unknown>)[name])})` : '';
  throw new OptionError(`${issue?.message}${received}`, name || 'options', 'see the option list in the README');
}
