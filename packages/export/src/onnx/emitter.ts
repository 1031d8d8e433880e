/** Collects an ONNX model's nodes and weights while a graph is lowered to it, in the precision that is asked for. */

import type { Constant, DType, Graph, ReadParameter, Value } from '../graph.ts';
import { readConstant } from '../graph.ts';
import { type Attribute, ELEMENT, type Element, type Initializer, type OnnxNode } from './model.ts';
import { type Quantized, quantizeColumns, quantizeRows, toFloat16 } from './numbers.ts';

/** int8 are weights of 8 bits and int7 of 7, for processors that sum their products in 16 bits; the rest is fp32. */
export type OnnxPrecision = 'fp32' | 'fp16' | 'int8' | 'int7';

export class Emitter {
  readonly nodes: OnnxNode[] = [];
  readonly initializers: Initializer[] = [];
  readonly precision: OnnxPrecision;
  readonly #read: ReadParameter;
  readonly #scales: ReadonlyMap<Value, Float32Array>;
  readonly #constants: ReadonlySet<Value>;
  readonly #elements = new Map<Value, Element>();
  /** Names of values in another number format than their own, and of what is computed once. */
  readonly #known = new Map<string, string>();
  readonly #names: Set<string>;

  /** @param scales Of a quantized weight's rows, by the weight: its input is divided by them. */
  constructor(
    { constants, inputs, nodes, outputs }: Graph,
    precision: OnnxPrecision,
    read: ReadParameter,
    scales: ReadonlyMap<Value, Float32Array>,
  ) {
    this.precision = precision;
    this.#scales = scales;
    this.#read = read;
    this.#constants = new Set(constants);
    for (const input of inputs) this.#elements.set(input, 'int64');
    this.#names = new Set([
      ...[...inputs, ...constants, ...nodes.map(({ output }) => output)].map(({ name }) => name),
      ...outputs.map(({ name }) => name),
    ]);
  }

  /** What a float32 value of a node is here. */
  floatOf(precise: boolean): Element {
    return this.precision === 'fp16' && !precise ? 'float16' : 'float32';
  }

  elementOf(dtype: DType, precise: boolean): Element {
    return dtype === 'float32' ? this.floatOf(precise) : dtype === 'int32' ? 'int64' : 'bool';
  }

  /** Says what a node's output is, which is emitted under its own name. */
  declare(value: Value, element: Element): void {
    this.#elements.set(value, element);
  }

  declared(value: Value): Element | undefined {
    return this.#elements.get(value);
  }

  /** The name of a value in a number format; constants are stored in it, others are cast. */
  operand(value: Value, precise: boolean): string {
    const element = this.elementOf(value.dtype, precise);
    if (this.#constants.has(value)) return this.#stored(value as Constant, element);
    if (this.#elements.get(value) === element) return value.name;
    return this.once(`${value.name}/Cast_${element}`, (name) => {
      this.emit('Cast', name, [value.name], { to: ELEMENT[element] });
    });
  }

  /** Emits what makes `name`, the first time. */
  once(name: string, build: (name: string) => void): string {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const own = this.fresh(name);
    this.#known.set(name, own);
    build(own);
    return own;
  }

  /** A name that nothing has. */
  fresh(name: string): string {
    let own = name;
    for (let i = 1; this.#names.has(own); i++) own = `${name}_${i}`;
    this.#names.add(own);
    return own;
  }

  emit(
    operation: string,
    output: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
  ): string {
    this.nodes.push({ operation, name: output, inputs, outputs: [output], attributes });
    return output;
  }

  /** int64 numbers that an operation takes as an operand: axes, shapes, bounds. */
  integers(values: readonly number[], shape: readonly number[] = [values.length]): string {
    return this.once(`constants/int64_${shape.length === 0 ? 'scalar_' : ''}${values.join('_')}`, (name) => {
      const bytes = bytesOf(BigInt64Array.from(values, BigInt));
      this.initializers.push({ name, element: 'int64', shape, read: async () => bytes });
    });
  }

  #stored(constant: Constant, element: Element): string {
    const { name, shape } = constant;
    const key = `stored ${name} ${element}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const isFirst = !this.initializers.some((initializer) => initializer.name === name);
    const own = isFirst ? name : this.fresh(`${name}_${element}`);
    this.#known.set(key, own);
    const read = async () => {
      const values = await readConstant(constant, this.#read);
      if (values instanceof Int32Array) return bytesOf(BigInt64Array.from(values, BigInt));
      return bytesOf(element === 'float16' ? toFloat16(values, name) : values);
    };
    this.initializers.push({ name: own, element, shape, read });
    return own;
  }

  /** Whether a constant is one of the model's weights. */
  isWeight(value: Value): value is Constant {
    return this.#constants.has(value) && 'parameter' in (value as Constant).source;
  }

  /** The name of x, divided by the scales that its weight's rows are multiplied by. */
  smoothed(x: string, weight: Value): string {
    const scales = this.#scales.get(weight);
    if (!scales) return x;
    const bytes = bytesOf(scales.map((scale) => 1 / scale));
    const key = `${x}/Smooth ${Buffer.from(bytes).toString('latin1')}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const factors = this.fresh(`${x}/smooth_factors`);
    this.initializers.push({ name: factors, element: 'float32', shape: [scales.length], read: async () => bytes });
    const name = this.emit('Mul', this.fresh(`${x}/Smooth`), [x, factors]);
    this.#known.set(key, name);
    return name;
  }

  /** A weight [rows, columns] in 8 bits, and a scale for each of its columns or rows. */
  quantized(constant: Constant, by: 'columns' | 'rows'): { values: string; scales: string } {
    const [rows, columns] = constant.shape as [number, number];
    const largest = this.precision === 'int7' ? 64 : 127;
    let scales: Float32Array | undefined; // of what was quantized last: the scales are written after the values
    const compute = async (): Promise<Quantized> => {
      const stored = (await readConstant(constant, this.#read)) as Float32Array;
      const factors = by === 'columns' ? this.#scales.get(constant) : undefined;
      const values = factors ? stored.map((x, i) => x * (factors[Math.floor(i / columns)] as number)) : stored;
      return by === 'columns' ? quantizeColumns(values, rows, columns, largest) : quantizeRows(values, rows, columns);
    };
    const values = this.once(`${constant.name}_quantized`, (name) => {
      const read = async () => {
        const result = await compute();
        scales = result.scales;
        return bytesOf(result.values);
      };
      this.initializers.push({ name, element: 'int8', shape: constant.shape, read });
    });
    const scaleNames = this.once(`${constant.name}_scale`, (name) => {
      const shape = by === 'columns' ? [columns] : [rows, 1];
      const read = async () => bytesOf(scales ?? (await compute()).scales);
      this.initializers.push({ name, element: 'float32', shape, read });
    });
    return { values, scales: scaleNames };
  }
}

function bytesOf(values: ArrayBufferView): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
