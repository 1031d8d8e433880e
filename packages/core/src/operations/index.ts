/** Operations a model family is made of. The public names of @uniem/core/operations. */

export { ACTIVATIONS, gelu, geluNew } from './activation.ts';
export { type AttentionPlan, attention, planAttention } from './attention.ts';
export { type DropoutState, dropout, dropoutState } from './dropout.ts';
export { embedding } from './embedding.ts';
export { layerNorm } from './layer-norm.ts';
export { linear } from './linear.ts';
export { maxTokens } from './max-tokens.ts';
export { recompute } from './recompute.ts';
