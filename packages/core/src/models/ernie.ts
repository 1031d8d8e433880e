/** ERNIE 3.0: BERT with embeddings of tasks. Agrees with transformers' models/ernie/modeling_ernie.py. */

import { z } from 'zod';

import { type BertConfig, bert, bertConfig, bertKeys } from './bert.ts';
import { count, type Family, multiple } from './family.ts';

const schema = bertKeys
  .extend({ use_task_id: z.boolean().default(false), task_type_vocab_size: count.default(3) })
  .check(multiple('hidden_size', 'num_attention_heads'))
  .transform((c) => ({ ...bertConfig(c), taskTypes: c.use_task_id ? c.task_type_vocab_size : 0 }));

export const ernie: Family<BertConfig> = { ...bert, prefix: 'ernie', schema };
