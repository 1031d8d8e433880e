/** Builds a graph node by node: shapes and names are found here, and what is computed twice is computed once. */

import type {
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
  Value,
} from './graph.ts';
import { outputShape } from './shapes.ts';

/** The module that a value was computed by, for names: `encoder.layer.0.attention.self.query`. */
interface Scope {
  path: string;
  /** Whether it has parameters: what follows without any is named for the module around it. */
  isModule: boolean;
}

const TOP: Scope = { path: '', isModule: false };

export class GraphBuilder {
  readonly #inputs: Value[] = [];
  readonly #constants: Constant[] = [];
  readonly #nodes: Node[] = [];
  /** By what they compute. */
  readonly #known = new Map<string, Value>();
  readonly #names = new Map<string, number>();
  readonly #scopes = new Map<Value, Scope>();
  readonly #orderOf = new Map<Value, number>();
  #scope: Scope | undefined;
  #precise = false;

  input(name: string): Value {
    const value: Value = { name: this.#unique(name), dtype: 'int32', shape: ['batch', 'sequence'] };
    this.#inputs.push(value);
    return value;
  }

  /** The shape is that of the graph, so of a transposed parameter [I, O]. */
  parameter(parameter: string, shape: readonly number[], transposed = false): Constant {
    return this.#constant(parameter, 'float32', shape, { parameter, transposed }, `${parameter} ${transposed}`);
  }

  /** @param values Two constants of equal values and shapes are one. */
  constant(values: Float32Array | Int32Array, shape: readonly number[]): Constant {
    const dtype = values instanceof Float32Array ? 'float32' : 'int32';
    const bits = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    const key = `${dtype} [${shape}] ${Buffer.from(bits).toString('latin1')}`;
    const name = shape.length === 0 ? `constants/${values[0]}` : `constants/${shape.join('x')}`;
    return this.#constant(name, dtype, shape, { values }, key);
  }

  scalar(value: number, dtype: 'float32' | 'int32' = 'float32'): Constant {
    return this.constant(dtype === 'float32' ? Float32Array.of(value) : Int32Array.of(value), []);
  }

  #constant(name: string, dtype: DType, shape: readonly number[], source: ConstantSource, key: string): Constant {
    const known = this.#known.get(key);
    if (known) return known as Constant;
    const constant: Constant = { name: this.#unique(name.replace(/[^\w./-]/g, '_')), dtype, shape, source };
    this.#known.set(key, constant);
    this.#constants.push(constant);
    return constant;
  }

  /** Adds a node, unless there is one that computes the same. */
  node<O extends OperationName>(operation: O, inputs: readonly Value[], attributes: Operations[O]): Value {
    const key = `${operation}(${inputs.map(({ name }) => name)}) ${JSON.stringify(attributes)} ${this.#precise}`;
    const known = this.#known.get(key);
    if (known) return known;
    const scope = this.#scope ?? this.#scopeOf(inputs);
    const output: Value = {
      name: this.#unique(scope.path === '' ? operation : `${scope.path}/${operation}`),
      dtype: dtypeOf(operation, inputs, attributes),
      shape: outputShape(operation, inputs, attributes),
    };
    const node: NodeOf<O> = { operation, attributes, inputs, output, precise: this.#precise };
    this.#nodes.push(node as Node);
    this.#known.set(key, output);
    this.#scopes.set(output, scope);
    this.#orderOf.set(output, this.#nodes.length);
    return output;
  }

  /** Names what `build` adds for the module, or for the module around it where that has no parameters. */
  within<T>(path: string | undefined, operands: readonly Value[], build: () => T): T {
    const before = this.#scope;
    this.#scope = path === undefined ? this.#scopeOf(operands) : { path, isModule: true };
    try {
      return build();
    } finally {
      this.#scope = before;
    }
  }

  /** What `build` adds is computed in float32 whatever the rest is. */
  precisely<T>(build: () => T): T {
    const before = this.#precise;
    this.#precise = true;
    try {
      return build();
    } finally {
      this.#precise = before;
    }
  }

  /** The graph of what the outputs need. */
  graph(outputs: readonly Output[]): Graph {
    const needed = new Set<Value>(outputs.map(({ value }) => value));
    for (const { output, inputs } of this.#nodes.toReversed()) {
      if (needed.has(output)) for (const input of inputs) needed.add(input);
    }
    return {
      inputs: this.#inputs,
      constants: this.#constants.filter((constant) => needed.has(constant)),
      nodes: this.#nodes.filter(({ output }) => needed.has(output)),
      outputs,
    };
  }

  /** Of the operand computed last: a residual is older than what is added to it. */
  #scopeOf(operands: readonly Value[]): Scope {
    const order = (value: Value) => this.#orderOf.get(value) ?? 0;
    const last = operands.reduce<Value | undefined>((a, b) => (a && order(a) >= order(b) ? a : b), undefined);
    const { path, isModule } = (last && this.#scopes.get(last)) ?? TOP;
    const around = path.split('.').slice(0, -1).join('.');
    return { path: isModule && around !== '' ? around : path, isModule: false };
  }

  #unique(name: string): string {
    const times = this.#names.get(name) ?? 0;
    this.#names.set(name, times + 1);
    return times === 0 ? name : this.#unique(`${name}_${times}`);
  }
}

function dtypeOf<O extends OperationName>(operation: O, inputs: readonly Value[], attributes: Operations[O]): DType {
  if (operation === 'Cast') return (attributes as Operations['Cast']).to;
  if (operation === 'Equal' || operation === 'Less' || operation === 'LessEqual') return 'bool';
  if (operation === 'Range') return 'int32';
  return (inputs[operation === 'Where' ? 1 : 0] as Value).dtype;
}

/** A value's axis of a fixed length. */
export function fixed(dim: Dim | undefined): number {
  if (typeof dim === 'number') return dim;
  throw new Error(`internal: ${dim} is no fixed length`);
}
