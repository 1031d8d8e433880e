/** The table of families, by config.json's model_type. */

import { albert } from './albert.ts';
import { bert } from './bert.ts';
import { bloom } from './bloom.ts';
import { debertaV2 } from './deberta-v2.ts';
import { distilbert } from './distilbert.ts';
import { electra } from './electra.ts';
import { ernie } from './ernie.ts';
import type { Family } from './family.ts';
import { gemma3 } from './gemma3.ts';
import { gptNeo } from './gpt-neo.ts';
import { gptNeoX } from './gpt-neox.ts';
import { gpt2 } from './gpt2.ts';
import { llama } from './llama.ts';
import { mistral } from './mistral.ts';
import { modernbert } from './modernbert.ts';
import { mpnet } from './mpnet.ts';
import { nomicBert } from './nomic-bert.ts';
import { opt } from './opt.ts';
import { qwen2 } from './qwen2.ts';
import { qwen3 } from './qwen3.ts';
import { roberta } from './roberta.ts';
import { roformer } from './roformer.ts';
import { STATIC_EMBEDDING, staticEmbedding } from './static-embedding.ts';
import { t5, umt5 } from './t5.ts';

export const FAMILIES: Record<string, Family> = {
  albert,
  bert,
  bloom,
  camembert: roberta,
  'deberta-v2': debertaV2,
  distilbert,
  electra,
  ernie,
  gemma3_text: gemma3,
  gpt2,
  gpt_neo: gptNeo,
  gpt_neox: gptNeoX,
  llama,
  mistral,
  modernbert,
  mpnet,
  nomic_bert: nomicBert,
  opt,
  qwen2,
  qwen3,
  roberta,
  roformer,
  mt5: t5,
  t5,
  umt5,
  'xlm-roberta': roberta,
};

/** The family of a parsed config. */
export function familyOf({ modelType }: { modelType: string }): Family {
  const family = modelType === STATIC_EMBEDDING ? staticEmbedding : FAMILIES[modelType];
  if (!family) throw new Error(`internal: no family ${modelType}`);
  return family;
}
