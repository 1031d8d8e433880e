/**
 * RoBERTa, XLM-RoBERTa, CamemBERT: BERT whose positions begin after the padding token's id. Agrees with transformers'
 * models/roberta/modeling_roberta.py.
 */

import { bertFamily } from './bert.ts';

export const roberta = bertFamily('roberta', (padTokenId = 1) => padTokenId + 1);
