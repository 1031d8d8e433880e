/** uniem evaluate: how well a model finds each query's document. */

import { statSync } from 'node:fs';

import { BACKENDS, Embedder, useEngine } from '@uniem/core';
import { loadDataset, validateRecord } from '@uniem/data';
import { evaluateRetrieval } from '@uniem/finetuner';
import { z } from 'zod';

import { defineCommand } from '../command.ts';
import { requireFolderOf, writeFileWhole } from '../files.ts';

export const evaluate = defineCommand({
  summary: 'measure retrieval (MRR@10, recall, nDCG@10) on pairs',
  flags: z.strictObject({
    model: z.string().describe('model folder, or owner/name[@revision] of the hub'),
    data: z.string().describe('.jsonl file of pairs: text_pos finds text among all texts'),
    split: z.string().optional().describe('which file of a folder; test if left out'),
    swap: z.boolean().default(false).describe('text finds text_pos instead'),
    output: z.string().optional().describe('also write the metrics to this JSON file'),
    backend: z.enum(BACKENDS).default('auto').describe('engine to run on'),
  }),
  async run({ model, data, split, swap, output, backend }) {
    if (output) requireFolderOf(output);
    const isFolder = statSync(data, { throwIfNoEntry: false })?.isDirectory();
    const pairs = [...(await loadDataset(data, { split: split ?? (isFolder ? 'test' : 'train') }))];
    for (const pair of pairs) validateRecord(pair, 'pair');
    await useEngine({ backend });
    const embedder = await Embedder.fromPretrained(model);
    const texts = pairs.map((pair) => pair.text as string);
    const positives = pairs.map((pair) => pair.text_pos as string);
    const [queries, documents] = swap ? [texts, positives] : [positives, texts];
    const report = `${JSON.stringify(await evaluateRetrieval(embedder, { queries, documents }), null, 2)}\n`;
    if (output) writeFileWhole(output, report);
    process.stdout.write(report);
  },
});
