/** Text embeddings in the browser. The public names of @uniem/browser. */

export { cosine, type EncodeOptions, TextEmbedder } from './embedder.ts';
export { type LoadOptions, load } from './load.ts';
