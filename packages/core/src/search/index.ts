/** Nearest vectors, and vectors of fewer bits: the names of @uniem/core/search, for this project's own packages. */

export {
  dequantizeEmbedding,
  isCalibrated,
  type QuantizationRanges,
  type Quantized,
  quantizationRanges,
  quantizedShape,
  quantizeEmbeddings,
} from './quantize.ts';
export { type QuantizedSearch, quantizedTopK } from './quantized-top-k.ts';
export { dot, type ScoreBlock, SEARCH_MEMORY, scoreBlocks } from './score-blocks.ts';
export { type Hit, topK } from './top-k.ts';
export { type VectorSource, VectorStore, vectorsInMemory } from './vector-source.ts';
