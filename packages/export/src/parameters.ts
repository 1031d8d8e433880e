/** A model's weights, read from the engine they lie on. */

import type { Embedder } from '@uniem/core';

import type { ReadParameter } from './graph.ts';

export function readParameter({ parameters }: Embedder): ReadParameter {
  return async (name) => {
    const variable = parameters.get(name);
    if (!variable) throw new Error(`internal: no parameter ${name}`);
    return (await variable.data()) as Float32Array;
  };
}
