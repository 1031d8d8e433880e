/** Saved models that other readers open. The public names of @uniem/export. */

export type {
  Constant,
  ConstantSource,
  Dim,
  DType,
  Graph,
  Node,
  NodeOf,
  OperationName,
  Operations,
  Output,
  ReadParameter,
  SymbolicDim,
  Value,
} from './graph.ts';
export { readConstant } from './graph.ts';
export { traceModel } from './trace/trace.ts';
