/** The commands by name: what each does in a line, and its module, which is loaded when it is asked for. */

import type { Command } from '../command.ts';

export interface CommandEntry {
  summary: string;
  load: () => Promise<Command>;
}

export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  finetune: {
    summary: 'fine-tune a model on pairs, triplets or scored pairs',
    load: async () => (await import('./finetune.ts')).finetune,
  },
  encode: {
    summary: 'write the embeddings of texts to a file',
    load: async () => (await import('./encode.ts')).encode,
  },
  search: {
    summary: 'index texts and find the nearest: uniem search index, uniem search query',
    load: async () => (await import('./search.ts')).search,
  },
  evaluate: {
    summary: 'measure a model on a task: retrieval, sts, classification and more',
    load: async () => (await import('./evaluate.ts')).evaluate,
  },
  embed: {
    summary: 'embed texts with a hosted model and write the vectors to a file',
    load: async () => (await import('./embed.ts')).embed,
  },
  compare: {
    summary: 'compare local and hosted models on one task: quality, dimensions, texts/s, price',
    load: async () => (await import('./compare.ts')).compare,
  },
  mine: {
    summary: 'find hard negatives: pairs to triplets, for another round of training',
    load: async () => (await import('./mine.ts')).mine,
  },
  export: {
    summary: 'write a model for other libraries: ONNX, TF.js, TensorFlow, sentence-transformers, transformers',
    load: async () => (await import('./export.ts')).exportCommand,
  },
  serve: {
    summary: "serve models over HTTP: OpenAI's /v1/embeddings, text-embeddings-inference's /embed and more",
    load: async () => (await import('./serve.ts')).serve,
  },
  data: {
    summary: 'look at a dataset before training: uniem data inspect D',
    load: async () => (await import('./data.ts')).data,
  },
  push: {
    summary: 'upload a saved model to the hub: uniem push DIR owner/name',
    load: async () => (await import('./push.ts')).push,
  },
  setup: {
    summary: 'fetch and build an engine (once): uniem setup native|tensorflow',
    load: async () => (await import('./setup.ts')).setup,
  },
  doctor: {
    summary: 'show engines, threads, instruction sets and versions',
    load: async () => (await import('./doctor.ts')).doctor,
  },
};
