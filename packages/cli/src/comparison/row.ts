/** A model's line in a comparison. */

import type { Metrics, TaskName } from '@uniem/finetuner';
import { PRICES_DATE, priceOf, shownAmount } from '@uniem/providers';

import type { Measured } from '../evaluation.ts';
import type { ProviderEncoder } from '../provider-encoder.ts';
import type { ModelSpec } from './spec.ts';

export interface ComparedModel {
  model: string;
  /** `local`, or the provider. */
  where: string;
  metrics: Metrics | undefined;
  /** Values of a vector. */
  dimensions: number | undefined;
  /** Of a hosted model with the network, as it was asked. */
  textsPerSecond: number | undefined;
  /** Of a million tokens, in words. */
  price: string;
  /** Counted by the service. */
  tokens: number | undefined;
  /** Why the model could not be measured. */
  error: string | undefined;
}

export interface Comparison {
  data: string;
  task: TaskName | undefined;
  /** The one that models are compared by. */
  metric: string | undefined;
  records: number;
  rows: ComparedModel[];
}

export function rowOf(spec: ModelSpec, encoder: ProviderEncoder, { metrics }: Measured): ComparedModel {
  const { texts, seconds, dimension, tokens } = encoder;
  return {
    ...headOf(spec),
    metrics,
    dimensions: dimension,
    textsPerSecond: texts / seconds,
    tokens,
    error: undefined,
  };
}

export function failedRow(spec: ModelSpec, { message }: Error): ComparedModel {
  const nothing = { metrics: undefined, dimensions: undefined, textsPerSecond: undefined, tokens: undefined };
  return { ...headOf(spec), ...nothing, error: message.split('\n')[0] };
}

function headOf({ name, provider, model }: ModelSpec): Pick<ComparedModel, 'model' | 'where' | 'price'> {
  return { model: name, where: provider ?? 'local', price: shownPrice(provider, model) };
}

function shownPrice(provider: string | undefined, model: string): string {
  if (provider === undefined) return 'none';
  const price = priceOf(provider, model);
  return price ? shownAmount(price.amount, price.currency) : 'unknown';
}

/** What prices are, under a table of them. */
export const PRICE_NOTE = `Prices are per million tokens, as read on ${PRICES_DATE}.`;
