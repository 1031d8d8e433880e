/**
 * The arithmetic of linear layers, said by whoever calls a model. It holds for what runs inside one call and never across
 * an await, so models of other precisions may compute in between; gradients take that of their forward pass.
 */

import type { Precision } from '../names.ts';

let current: Precision = 'fp32';

/** That of the operations that are called now. */
export function currentPrecision(): Precision {
  return current;
}

/** @param work What ends before it returns; a promise would compute in anyone's precision. */
export function withPrecision<T>(precision: Precision, work: () => T): T {
  const before = current;
  current = precision;
  try {
    const result = work();
    if (result instanceof Promise) throw new Error('internal: a precision does not hold across an await');
    return result;
  } finally {
    current = before;
  }
}
