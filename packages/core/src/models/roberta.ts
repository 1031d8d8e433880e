/**
 * RoBERTa, XLM-RoBERTa, CamemBERT: BERT whose positions begin after the padding token's id. Agrees with transformers'
 * models/roberta/modeling_roberta.py.
 */

import { type BertConfig, bert, bertConfig, bertKeys } from './bert.ts';
import { type Family, multiple } from './family.ts';

const schema = bertKeys
  .check(multiple('hidden_size', 'num_attention_heads'))
  .transform((c) => bertConfig(c, (c.pad_token_id ?? 1) + 1));

export const roberta: Family<BertConfig> = { ...bert, prefix: 'roberta', schema };
