/** An evaluation as the front matter of a model card has it, named as sentence-transformers names its own. */

import type { Evaluation, ValidationTaskName } from '../evaluation/validation-task.ts';

interface HubTask {
  type: string;
  name: string;
  /** The name of one of our metrics there. */
  metric: (name: string) => string;
}

const cosine = (name: string) => `cosine_${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`;

const HUB_TASKS: Record<ValidationTaskName, HubTask> = {
  retrieval: { type: 'information-retrieval', name: 'Information Retrieval', metric: cosine },
  triplet: { type: 'triplet', name: 'Triplet', metric: cosine },
  sts: { type: 'semantic-similarity', name: 'Semantic Similarity', metric: (name) => `${name}_cosine` },
  classification: { type: 'text-classification', name: 'Text Classification', metric: (name) => name },
  'pair-classification': { type: 'binary-classification', name: 'Binary Classification', metric: cosine },
};

/** The keys `metrics` and `model-index`. */
export function hubResults({ task, after }: Evaluation, model: string): Record<string, unknown> {
  const { metric, ...hubTask } = HUB_TASKS[task];
  const metrics = Object.entries(after).map(([name, value]) => ({
    type: metric(name),
    value,
    name: titled(metric(name)),
  }));
  const results = [{ task: hubTask, dataset: { type: 'unknown', name: 'validation set' }, metrics }];
  return { metrics: metrics.map(({ type }) => type), 'model-index': [{ name: model, results }] };
}

const titled = (name: string) =>
  name
    .split('_')
    .map((word) => word[0]?.toUpperCase() + word.slice(1))
    .join(' ');
