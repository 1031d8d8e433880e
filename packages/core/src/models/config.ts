/** config.json of a model folder, checked by its family; snake_case keys are read here and in models/ alone. */

import { z } from 'zod';

import { ModelError } from '../errors.ts';
import { POOLING_STRATEGIES, type PoolingStrategy } from '../names.ts';
import type { EncoderConfig } from './family.ts';
import { FAMILIES } from './index.ts';

/** A checked config; each family adds what its own forward pass reads. */
export interface ModelConfig extends EncoderConfig {
  /** Its family's key in FAMILIES. */
  modelType: string;
  poolingStrategy: PoolingStrategy | undefined;
  /** config.json as it was, written back on save. */
  raw: Record<string, unknown>;
}

const uniemKeys = z.looseObject({
  uniem_pooling_strategy: z.enum(POOLING_STRATEGIES).optional(),
  uniem_embedding_strategy: z.enum(POOLING_STRATEGIES).optional(),
});

/** @throws ModelError naming the key, for a family or a value that is not supported. */
export function parseConfig(raw: Record<string, unknown>, path: string): ModelConfig {
  const modelType = String(raw.model_type);
  const family = Object.hasOwn(FAMILIES, modelType) ? FAMILIES[modelType] : undefined;
  if (!family) {
    throw new ModelError(
      `model_type ${JSON.stringify(raw.model_type)} is not supported`,
      path,
      `use a model whose config.json says one of: ${Object.keys(FAMILIES).join(', ')}`,
    );
  }
  const config = checked(family.schema, raw, path);
  const uniem = checked(uniemKeys, raw, path);
  const poolingStrategy = uniem.uniem_pooling_strategy ?? uniem.uniem_embedding_strategy;
  return { ...config, modelType, poolingStrategy, raw };
}

function checked<T>(schema: z.ZodType<T>, raw: Record<string, unknown>, path: string): T {
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0] as z.core.$ZodIssue;
  if (issue.path.length === 0) throw new ModelError(issue.message, path, 'correct config.json');
  const received = issue.path.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown>)?.[key], raw);
  throw new ModelError(
    `${issue.path.join('.')}: ${issue.message} (received ${JSON.stringify(received)})`,
    path,
    'correct the value or use another model',
  );
}
