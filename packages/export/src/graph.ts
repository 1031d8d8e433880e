/**
 * The graph that every export format is lowered from: plain tensor operations on padded batches.
 *
 * A graph computes [batch, sequence] token ids and their attention mask to vectors. It knows nothing of model families and
 * nothing of a file format. It holds no weights either: a constant names the parameter whose values it has, and a writer
 * fetches them one at a time.
 *
 * Conventions that a lowering may rely on:
 * - Values are in topological order: a node reads inputs, constants and outputs of nodes before it.
 * - Every node has one output. Names are unique over inputs, constants and nodes together, and are made of
 *   letters, digits and `_./-`.
 * - Operations broadcast as NumPy does; operands have the same dtype, there are no implicit casts.
 * - Axes are never negative.
 */

/** A length: fixed, or known when the graph runs. */
export type Dim = number | SymbolicDim;

/** `batch` and `sequence` are those of input_ids; the others only occur between nodes. */
export type SymbolicDim = 'batch' | 'sequence' | 'padded_sequence' | '2*sequence' | '2*sequence*sequence';

/** `int32` is what holds ids and positions; a format whose indices are wider (ONNX: int64) uses those throughout. */
export type DType = 'float32' | 'int32' | 'bool';

/** A tensor of the graph. */
export interface Value {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly Dim[];
}

/** A tensor that does not depend on the inputs. */
export interface Constant extends Value {
  readonly shape: readonly number[];
  readonly source: ConstantSource;
}

/**
 * Where a constant's values are: in a parameter of the model, or here.
 *
 * A transposed parameter is stored as [O, I] and has the shape [I, O] in the graph: a Linear's weight, ready for MatMul.
 */
export type ConstantSource =
  | { readonly parameter: string; readonly transposed: boolean }
  | { readonly values: Float32Array | Int32Array };

/** Operations without attributes; operands broadcast. */
type ElementWise =
  // float32 or int32
  | 'Add'
  | 'Sub'
  | 'Mul'
  | 'Maximum'
  | 'Minimum'
  | 'Abs'
  // float32
  | 'Div'
  | 'Sqrt'
  | 'Erf'
  | 'Tanh'
  | 'Sigmoid'
  | 'Relu'
  | 'Cos'
  | 'Sin'
  // float32 or int32 to bool
  | 'Equal'
  | 'Less'
  | 'LessEqual'
  // (condition bool, then, otherwise)
  | 'Where';

type NoAttributes = Record<never, never>;

/** Every operation of the graph, with its attributes. A lowering has one entry for each. */
export interface Operations extends Record<ElementWise, NoAttributes> {
  /** [..., M, K] by [..., K, N], float32; leading axes are equal, or the second operand has none, or 1 at its first. */
  MatMul: NoAttributes;
  /** Over the last axis. */
  Softmax: NoAttributes;
  /** (x, weight) or (x, weight, bias), over the last axis: (x − mean) / √(variance + epsilon) · weight + bias */
  LayerNormalization: { readonly epsilon: number };
  ReduceSum: Reduction;
  ReduceMean: Reduction;
  ReduceMax: Reduction;
  /** Inclusive sums along an axis, int32. */
  CumSum: { readonly axis: number };
  /** 0, 1, … sequence − 1: int32 [sequence]. Its operand is a value whose axis 1 has that length. */
  Range: NoAttributes;
  Cast: { readonly to: DType };
  /**
   * To `shape`, of which -1 is what remains. `batch` and `sequence` stand at the axes at which the operand has them, so
   * that a format which can copy an axis need not compute it.
   */
  Reshape: { readonly shape: readonly (number | 'batch' | 'sequence')[] };
  /** Inserts axes of length 1; they are counted in the result. */
  Unsqueeze: { readonly axes: readonly number[] };
  Transpose: { readonly permutation: readonly number[] };
  /** Slices of the first operand along `axis` at the second's int32 indices, whose shape takes the axis's place. */
  Gather: { readonly axis: number };
  Concat: { readonly axis: number };
  /** From `start` on, up to `end`, which counts from the end of the axis where it is negative; left out, all. */
  Slice: { readonly axis: number; readonly start: number; readonly end: number | undefined };
  /** Zeros before and after, along an axis; of a sequence there are slices of its own length alone. */
  Pad: { readonly axis: number; readonly before: number; readonly after: number };
}

export interface Reduction {
  readonly axis: number;
  readonly keepDims: boolean;
}

export type OperationName = keyof Operations;

/** One operation at work; discriminated by `operation`. */
export type Node = { [O in OperationName]: NodeOf<O> }[OperationName];

export interface NodeOf<O extends OperationName> {
  readonly operation: O;
  readonly attributes: Operations[O];
  readonly inputs: readonly Value[];
  /** Named for the module that computes it: `encoder.layer.0.attention.self.query/MatMul`. */
  readonly output: Value;
  /**
   * Whether float32 matters here even where the rest of a graph is stored or computed in less: positions, norms by root mean
   * square, pooling and what follows it.
   */
  readonly precise: boolean;
}

/** A model's computation. */
export interface Graph {
  /** input_ids and attention_mask, and token_type_ids where the model tells them apart; int32 [batch, sequence]. */
  readonly inputs: readonly Value[];
  readonly constants: readonly Constant[];
  readonly nodes: readonly Node[];
  /** By name, in order: last_hidden_state float32 [batch, sequence, hidden], sentence_embedding float32 [batch, values]. */
  readonly outputs: readonly Output[];
}

/** The name that readers of the file ask for, and the node's output that has it. */
export interface Output {
  readonly name: 'last_hidden_state' | 'sentence_embedding';
  readonly value: Value;
}

/** Reads a parameter's values, row-major and as stored: a constant that is transposed is so by its writer. */
export type ReadParameter = (name: string) => Promise<Float32Array>;

/** The values of a constant, row-major in its own shape. */
export async function readConstant(
  { source, shape }: Constant,
  read: ReadParameter,
): Promise<Float32Array | Int32Array> {
  if ('values' in source) return source.values;
  const values = await read(source.parameter);
  if (!source.transposed) return values;
  const [I, O] = shape as [number, number];
  const transposed = new Float32Array(values.length);
  const block = 32; // a block's rows and columns stay in the cache
  for (let i0 = 0; i0 < I; i0 += block) {
    for (let o0 = 0; o0 < O; o0 += block) {
      const [iEnd, oEnd] = [Math.min(I, i0 + block), Math.min(O, o0 + block)];
      for (let o = o0; o < oEnd; o++) {
        for (let i = i0; i < iEnd; i++) transposed[i * O + o] = values[o * I + i] as number;
      }
    }
  }
  return transposed;
}
