/** TensorFlow's own nodes, which TF.js has too, and how they are put together: what both formats are written from. */

import type { Constant, DType, Graph, Value } from '../graph.ts';

/** A node of a GraphDef. Source: tensorflow/core/framework/node_def.proto. */
export interface TensorflowNode {
  readonly name: string;
  /** TensorFlow's name of the operation. */
  readonly op: string;
  /** Names of nodes; each has one output. */
  readonly inputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

export type Attribute =
  | { readonly type: DType }
  | { readonly int: number }
  | { readonly bool: boolean }
  /** -1 is a length that is known when the graph runs. */
  | { readonly shape: readonly number[] }
  | { readonly constant: Constant };

export interface TensorflowGraph {
  /** In topological order. */
  readonly nodes: readonly TensorflowNode[];
  readonly constants: readonly Constant[];
  /** Placeholders, int32 [batch, sequence]. */
  readonly inputs: readonly Value[];
  /** Nodes by the names that readers ask for. */
  readonly outputs: readonly Value[];
}

/** A shape that a Reshape asks for. */
export type TargetShape = readonly (number | 'batch' | 'sequence')[];

export class NodeBuilder {
  readonly nodes: TensorflowNode[] = [];
  readonly constants: Constant[] = [];
  readonly #ids: string;
  readonly #names = new Set<string>();
  /** Helpers that are alike, by what they are. */
  readonly #known = new Map<string, string>();

  constructor({ inputs, constants, outputs }: Graph) {
    for (const { name } of outputs) this.#names.add(name);
    for (const { name, dtype } of inputs) {
      this.node(name, 'Placeholder', [], { dtype: { type: dtype }, shape: { shape: [-1, -1] } });
    }
    for (const constant of constants) this.#constant(constant);
    this.#ids = (inputs[0] as Value).name;
  }

  /** @returns The name. */
  node(name: string, op: string, inputs: readonly string[], attributes: TensorflowNode['attributes']): string {
    this.#names.add(name);
    this.nodes.push({ name, op, inputs, attributes });
    return name;
  }

  /** A node that stands for a part of an operation: `name` with what it computes at its end. */
  part(name: string, op: string, inputs: readonly string[], attributes: TensorflowNode['attributes']): string {
    return this.node(this.#unique(`${name}/${op}`), op, inputs, attributes);
  }

  /** Axes, permutations and the like: int32, a list [n] or a number []. */
  indices(values: number | readonly number[]): string {
    const list = [values].flat();
    const shape = typeof values === 'number' ? [] : [list.length];
    return this.#once(`indices/${list.join('_') || 'none'}${typeof values === 'number' ? '' : '_list'}`, (name) =>
      this.#constant({ name, dtype: 'int32', shape, source: { values: Int32Array.from(list) } }),
    );
  }

  /** Rows of indices: int32 [rows, columns]. */
  table(rows: readonly (readonly number[])[]): string {
    const shape = [rows.length, (rows[0] as readonly number[]).length];
    return this.#once(`indices/${rows.map((row) => row.join('_')).join('__')}_table`, (name) =>
      this.#constant({ name, dtype: 'int32', shape, source: { values: Int32Array.from(rows.flat()) } }),
    );
  }

  /** float32 [] */
  number(value: number): string {
    return this.#once(`numbers/${value}`, (name) =>
      this.#constant({ name, dtype: 'float32', shape: [], source: { values: Float32Array.of(value) } }),
    );
  }

  /** The length of an axis of the inputs, int32 []. */
  lengthOf(dim: 'batch' | 'sequence'): string {
    const shape = this.#once('lengths/shape', (name) =>
      this.node(name, 'Shape', [this.#ids], { T: { type: 'int32' }, out_type: { type: 'int32' } }),
    );
    const axis = dim === 'batch' ? 0 : 1;
    const bounds = [this.indices([axis]), this.indices([axis + 1]), this.indices([1])];
    return this.#once(`lengths/${dim}`, (name) =>
      this.node(name, 'StridedSlice', [shape, ...bounds], { ...slicing('int32'), shrink_axis_mask: { int: 1 } }),
    );
  }

  /** What a Reshape takes as its second operand; of the lengths that are not known one may be left to it. */
  shape(dims: TargetShape): string {
    if (dims.filter((dim) => typeof dim !== 'number' || dim < 0).length <= 1) {
      return this.indices(dims.map((dim) => (typeof dim === 'number' ? dim : -1)));
    }
    const parts = dims.map((dim) => (typeof dim === 'number' ? this.indices(dim) : this.lengthOf(dim)));
    return this.#once(`shapes/${dims.join('_')}`, (name) =>
      this.node(name, 'Pack', parts, { T: { type: 'int32' }, N: { int: dims.length }, axis: { int: 0 } }),
    );
  }

  #constant(constant: Constant): string {
    const { name, dtype } = constant;
    this.constants.push(constant);
    return this.node(name, 'Const', [], { dtype: { type: dtype }, value: { constant } });
  }

  #once(name: string, add: (unique: string) => string): string {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const added = add(this.#unique(name));
    this.#known.set(name, added);
    return added;
  }

  #unique(name: string): string {
    for (let times = 0; ; times++) {
      const candidate = times === 0 ? name : `${name}_${times}`;
      if (!this.#names.has(candidate)) return candidate;
    }
  }
}

/** Attributes of a StridedSlice that takes whole axes but for what is given beside. */
export function slicing(dtype: DType): Record<string, Attribute> {
  const none = { int: 0 };
  const masks = { begin_mask: none, end_mask: none, ellipsis_mask: none, new_axis_mask: none, shrink_axis_mask: none };
  return { T: { type: dtype }, Index: { type: 'int32' }, ...masks };
}
