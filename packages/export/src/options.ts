/** What can be said of an export, once: types, defaults and help all come from here. */

import { z } from 'zod';

export const EXPORT_FORMATS = ['onnx', 'tfjs', 'saved-model', 'sentence-transformers', 'transformers'] as const;

export type ExportFormat = (typeof EXPORT_FORMATS)[number];

export const ONNX_PRECISIONS = ['fp32', 'fp16', 'int8', 'int8-vnni'] as const;

/** How a GraphModel stores weights; they are float32 again once loaded. */
export const GRAPH_MODEL_WEIGHTS = ['float32', 'float16', 'uint8'] as const;

export type GraphModelWeights = (typeof GRAPH_MODEL_WEIGHTS)[number];

export const exportOptions = z.object({
  format: z
    .enum(EXPORT_FORMATS)
    .describe(
      'onnx for ONNX Runtime, transformers.js and Optimum; tfjs for browsers; saved-model for TensorFlow; a folder for either Python library',
    ),
  output: z.string().describe('folder to write, new or holding an earlier export'),
  precision: z
    .array(z.enum(ONNX_PRECISIONS))
    .min(1)
    .default(['fp32', 'int8'])
    .describe(
      'of --format onnx, a file each; may be given several times: fp32, fp16 (for GPUs), int8 (runs everywhere), int8-vnni (for processors with AVX-512 VNNI)',
    ),
  weights: z
    .enum(GRAPH_MODEL_WEIGHTS)
    .default('float32')
    .describe('of --format tfjs: how the weights are stored; float16 is half the download, uint8 a quarter'),
  check: z.boolean().default(true).describe('run the exported files and compare their vectors with this library'),
});

/** What a caller writes: everything with a default may be left out. */
export type ExportOptions = z.input<typeof exportOptions>;

export type ResolvedExportOptions = z.output<typeof exportOptions>;
