/**
 * Storage of the backend 'native'. TF.js's own cpu kernels are its floor: they find plain typed arrays in `values`.
 * Native kernels take arrays from a pool; an array a cpu kernel or a user has seen never goes back to it.
 */

import { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';

import type { Binding, FloatArray } from './binding.ts';
import { NativeError } from './errors.ts';
import { OUT_OF_MEMORY, outOfMemory } from './memory.ts';
import { Pool } from './pool.ts';

/** How floats are kept: a tensor of either kind is TF.js's float32. */
export type Element = 'f32' | 'bf16';

/** Arithmetic of a linear layer's products, and how their results are kept: an attribute of each call. */
export type Precision = 'fp32' | 'bf16';

type Values = tf.backend_util.BackendValues;

/** One tensor's data. TF.js's cpu kernels read `values`, `dtype`, `refCount` and `complexTensorInfos`. */
class NativeData {
  readonly dtype: tf.DataType;
  refCount: number;
  complexTensorInfos: { real: tf.TensorInfo; imag: tf.TensorInfo } | undefined;
  readonly #backend: NativeBackend;
  #values: Values | undefined;
  /** The array native kernels work on: float32 or bf16, in a pool's block if `block` is set. */
  #array: FloatArray | undefined;
  #block: ArrayBuffer | undefined;
  /** A weight's bf16 copy, until the weight changes. */
  #half: { array: Uint16Array; block: ArrayBuffer } | undefined;

  constructor(backend: NativeBackend, dtype: tf.DataType, refCount: number, values?: Values, block?: ArrayBuffer) {
    this.#backend = backend;
    this.dtype = dtype;
    this.refCount = refCount;
    if (block) {
      this.#array = values as FloatArray;
      this.#block = block;
    } else {
      this.#values = values;
    }
  }

  /** For cpu kernels, which may keep or share the array: from here on its block is theirs. */
  get values(): Values | undefined {
    if (this.#array) {
      this.#values = this.#array instanceof Uint16Array ? this.#widened(this.#array) : this.#array;
      if (this.#block) {
        const { pool } = this.#backend;
        if (this.#array instanceof Uint16Array) pool.give(this.#block);
        else pool.forget(this.#block);
      }
      this.#array = undefined;
      this.#block = undefined;
    }
    return this.#values;
  }

  set values(values: Values | undefined) {
    this.release();
    this.#values = values;
  }

  /** For native kernels, which keep nothing. */
  get array(): FloatArray {
    return this.#array ?? float32(this.#values as Values);
  }

  /** `array` as float32; a bf16 one is kept so from here on. */
  get wide(): Float32Array {
    const { array } = this;
    if (array instanceof Float32Array) return array;
    const block = this.#backend.pool.take(array.length * 4);
    const wide = new Float32Array(block, 0, array.length);
    this.#backend.binding.Convert(array, wide);
    this.release();
    this.#array = wide;
    this.#block = block;
    return wide;
  }

  /** The array for a native kernel to change in place: float32, in a block of the pool, shared with nobody. */
  get own(): Float32Array {
    if (this.#block && this.#array instanceof Float32Array) return this.#array;
    const { wide } = this;
    if (this.#block) return wide;
    const block = this.#backend.pool.take(wide.byteLength);
    const own = new Float32Array(block, 0, wide.length);
    own.set(wide);
    this.release();
    this.#array = own;
    this.#block = block;
    return own;
  }

  /** The values as bf16, kept until the array changes. */
  get half(): Uint16Array {
    const { array } = this;
    if (array instanceof Uint16Array) return array;
    if (!this.#half) {
      const { pool, binding } = this.#backend;
      const block = pool.take(array.length * 2);
      const half = new Uint16Array(block, 0, array.length);
      binding.Convert(array, half);
      this.#half = { array: half, block };
    }
    return this.#half.array;
  }

  /** Drops the bf16 copy: the array is about to change. */
  changed(): void {
    if (this.#half) this.#backend.pool.give(this.#half.block);
    this.#half = undefined;
  }

  /** A copy for the user. */
  copy(): Values {
    if (!this.#array) return this.#values as Values;
    return this.#array instanceof Uint16Array ? this.#widened(this.#array) : this.#array.slice();
  }

  release(): void {
    this.changed();
    if (this.#block) this.#backend.pool.give(this.#block);
    this.#block = undefined;
    this.#array = undefined;
    this.#values = undefined;
  }

  #widened(half: Uint16Array): Float32Array {
    const wide = new Float32Array(half.length);
    this.#backend.binding.Convert(half, wide);
    return wide;
  }
}

export class NativeBackend extends MathBackendCPU {
  readonly binding: Binding;
  readonly pool: Pool;
  static #nextId = 0;
  /** Tensors that the kernel in progress has made. */
  #made: object[] = [];

  constructor(binding: Binding) {
    super();
    this.binding = binding;
    this.pool = new Pool(binding);
  }

  override write(values: Values, _shape: number[], dtype: tf.DataType): object {
    return this.#register(new NativeData(this, dtype, 1, values));
  }

  override move(dataId: object, values: Values, _shape: number[], dtype: tf.DataType, refCount: number): void {
    this.data.set(dataId, new NativeData(this, dtype, refCount, values));
  }

  override readSync(dataId: object): Values {
    const data = this.#of(dataId);
    if (data.complexTensorInfos) {
      const { real, imag } = data.complexTensorInfos;
      return tf.backend_util.mergeRealAndImagArrays(
        this.readSync(real.dataId) as Float32Array,
        this.readSync(imag.dataId) as Float32Array,
      );
    }
    return tf.util.convertBackendValuesAndArrayBuffer(data.copy(), data.dtype);
  }

  override disposeData(dataId: object, force = false): boolean {
    if (!this.data.has(dataId)) return true;
    const data = this.#of(dataId);
    const disposed = super.disposeData(dataId, force);
    if (disposed) data.release();
    return disposed;
  }

  override dispose(): void {
    this.pool.clear();
  }

  /**
   * Runs a kernel; where it fails, what it has made so far is given back.
   *
   * @throws NativeError with code ERR_OUT_OF_MEMORY where there is no memory for its result or its scratch.
   */
  whole<T>(kernel: () => T): T {
    try {
      return this.#attempt(kernel);
    } catch (error) {
      if (!isShortOfScratch(error)) throw error;
    }
    this.pool.clear(); // idle blocks may make the room
    try {
      return this.#attempt(kernel);
    } catch (error) {
      throw isShortOfScratch(error) ? outOfMemory(error.message) : error;
    }
  }

  #attempt<T>(kernel: () => T): T {
    this.#made = [];
    try {
      return kernel();
    } catch (error) {
      for (const dataId of this.#made) this.disposeData(dataId);
      throw error;
    }
  }

  /** A new float32 tensor for a native kernel to fill, contents undefined. */
  empty(shape: number[], element: Element = 'f32'): tf.TensorInfo {
    const size = tf.util.sizeFromShape(shape);
    const block = this.pool.take(size * (element === 'f32' ? 4 : 2));
    const array = element === 'f32' ? new Float32Array(block, 0, size) : new Uint16Array(block, 0, size);
    const dataId = this.#register(new NativeData(this, 'float32', 1, array as unknown as Values, block));
    this.#made.push(dataId);
    return { dataId, shape, dtype: 'float32' };
  }

  /** The tensor again, as one more holder of its data. */
  same({ dataId, shape, dtype }: tf.TensorInfo): tf.TensorInfo {
    this.incRef(dataId);
    return { dataId, shape, dtype };
  }

  /** How a tensor is kept. */
  elementOf({ dataId }: tf.TensorInfo): Element {
    return this.#of(dataId).array instanceof Uint16Array ? 'bf16' : 'f32';
  }

  /** The array of a float tensor as it is kept. */
  array({ dataId }: tf.TensorInfo): FloatArray {
    return this.#of(dataId).array;
  }

  /** The array of a float tensor, converted where it is kept otherwise. */
  as(tensor: tf.TensorInfo, element: Element): FloatArray {
    const data = this.#of(tensor.dataId);
    return element === 'bf16' ? data.half : data.wide;
  }

  /** Float32 values; what a kernel without a bf16 form reads. */
  f32(tensor: tf.TensorInfo): Float32Array {
    return this.as(tensor, 'f32') as Float32Array;
  }

  i32({ dataId }: tf.TensorInfo): Int32Array {
    const { values } = this.#of(dataId);
    return values instanceof Int32Array ? values : Int32Array.from(values as ArrayLike<number>);
  }

  u8({ dataId }: tf.TensorInfo): Uint8Array {
    const { values } = this.#of(dataId);
    return values instanceof Uint8Array ? values : Uint8Array.from(values as ArrayLike<number>);
  }

  /** The array of a float tensor that a native kernel changes in place. */
  own({ dataId }: tf.TensorInfo): Float32Array {
    const data = this.#of(dataId);
    data.changed();
    return data.own;
  }

  #of(dataId: object): NativeData {
    // A tensor of another engine is moved here by get(); one that no engine knows is gone.
    if (!this.data.has(dataId) && !tf.engine().state.tensorInfo.has(dataId)) {
      throw new NativeError('a tensor was used after it was disposed', 'dispose it later, or keep it with tf.keep');
    }
    return this.data.get(dataId) as unknown as NativeData;
  }

  #register(data: NativeData): object {
    const dataId = { id: NativeBackend.#nextId++ };
    this.data.set(dataId, data as never);
    return dataId;
  }
}

/** What addon.cc says of a kernel without room for its scratch. */
function isShortOfScratch(error: unknown): error is Error {
  return error instanceof Error && !(error instanceof NativeError) && 'code' in error && error.code === OUT_OF_MEMORY;
}

/** Callers may hand plain arrays, or integers for a float tensor. */
function float32(values: Values): Float32Array {
  return values instanceof Float32Array ? values : Float32Array.from(values as ArrayLike<number>);
}
