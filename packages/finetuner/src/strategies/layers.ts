/** Layers by depth: what is frozen from below, and how the learning rate falls towards the bottom. */

import { OptionError, type Parameters } from '@uniem/core';

/** The layer of a parameter's name, as `encoder.layer.3.output` or `h.3.mlp`; undefined for one of no layer. */
function layerOf(name: string): number | undefined {
  const [, layer] = /(?:^|\.)(?:layers?|h|blocks?|albert_layer_groups)\.(\d+)\./.exec(name) ?? [];
  return layer === undefined ? undefined : Number(layer);
}

/** Number of layers; those that share their parameters are one. */
const depthOf = (names: Iterable<string>) => 1 + Math.max(-1, ...[...names].map((name) => layerOf(name) ?? -1));

/** Whether a parameter comes after all layers: a last norm, a projection of the output, a pooler, a Dense module. */
function isOnTop(name: string): boolean {
  if (layerOf(name) !== undefined) return false;
  return /^norm\.|^\d+_Dense\.|(^|\.)(pooler|ln_f|final_layer_norm|final_norm|project_out)\./.test(name);
}

/**
 * All but the embeddings and the lowest layers.
 *
 * @param count Layers that do not train; 0 trains all, the embeddings too.
 */
export function freezeLayers(parameters: Parameters, count: number): Parameters {
  if (count === 0) return parameters;
  const depth = depthOf(parameters.keys());
  if (count > depth) {
    throw new OptionError(`the model has ${depth} layers (received ${count})`, 'freezeLayers', `give at most ${depth}`);
  }
  return new Map([...parameters].filter(([name]) => isOnTop(name) || (layerOf(name) ?? -1) >= count));
}

/**
 * The factor of a parameter's learning rate: 1 on top, `decay` less for each layer below, the embeddings below all.
 * Source: ULMFiT's discriminative fine-tuning (arXiv 1801.06146).
 *
 * @param names Of all parameters of the model, those that do not train too.
 */
export function layerLrFactors(names: Iterable<string>, decay: number): (name: string) => number {
  if (decay === 1) return () => 1;
  const depth = depthOf([...names]);
  return (name) => (isOnTop(name) ? 1 : decay ** (depth - (layerOf(name) ?? -1)));
}
