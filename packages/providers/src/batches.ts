/** Texts checked against a model's limits, and grouped into requests. */

import { ProviderError } from './errors.ts';
import type { Limits } from './service.ts';

/** Characters of a text that an error shows. */
const SHOWN = 40;

/** A text by its place and beginning. */
export function textAt(index: number, text: string): string {
  const beginning = [...text.slice(0, 2 * SHOWN)].slice(0, SHOWN).join('');
  return `text ${index} (${JSON.stringify(beginning)}${beginning.length < text.length ? '…' : ''})`;
}

/**
 * @param indexOf Where a text stands for the reader of an error.
 * @throws ProviderError naming the first text that the service would refuse, before anything is sent.
 */
export function requireAcceptable(
  texts: readonly string[],
  limits: Limits,
  where: string,
  indexOf: (index: number) => number,
): void {
  texts.forEach((text, index) => {
    const refuse = (what: string, fix: string) => new ProviderError('input', what, where, fix);
    if (typeof text !== 'string') throw refuse(`text ${indexOf(index)} is ${typeof text}`, 'give texts');
    if (text === '' && limits.refusesEmpty) {
      throw refuse(`text ${indexOf(index)} is empty, which the service rejects`, 'remove empty texts');
    }
    if (limits.characters === undefined || text.length <= limits.characters) return;
    const { length } = [...text];
    if (length <= limits.characters) return;
    throw refuse(
      `${textAt(indexOf(index), text)} has ${length} characters; the limit is ${limits.characters}`,
      'shorten the text, or choose a model that accepts longer ones',
    );
  });
}

/** Indices of the texts of each request, in order; as many as go into one. */
export function batchesOf(texts: readonly string[], { texts: most, total, size }: Limits): number[][] {
  const batches: number[][] = [];
  let batch: number[] = [];
  let sum = 0;
  texts.forEach((text, i) => {
    const own = total !== undefined && size ? size(text) : 0;
    if (batch.length === most || (batch.length > 0 && total !== undefined && sum + own > total)) {
      batches.push(batch);
      batch = [];
      sum = 0;
    }
    batch.push(i);
    sum += own;
  });
  if (batch.length > 0) batches.push(batch);
  return batches;
}
