/** Loads the compiled engine. */

import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';

import { NativeError } from './errors.ts';
import { addonCandidates, PLATFORM } from './files.ts';

/** float32 as itself, bf16 as the upper halves of floats. */
export type FloatArray = Float32Array | Uint16Array;

type Kernel = (...args: (FloatArray | Int32Array | Uint8Array | number | null)[]) => void;

/** What addon.cc exports: each kernel of native/kernel-table.h, by its name. */
export interface Binding {
  readonly instructionSet: 'avx2' | 'avx512';
  /** Contents undefined; null where there is no such memory. */
  allocate(bytes: number): ArrayBuffer | null;
  /** Frees a buffer of `allocate` before it is collected. */
  release(buffer: ArrayBuffer): void;
  setMemoryLimit(bytes: number): void;
  setThreads(count: number): void;
  readonly AdamW: Kernel;
  readonly Attention: Kernel;
  readonly AttentionBiasGrad: Kernel;
  readonly AttentionGrad: Kernel;
  readonly Binary: Kernel;
  readonly Cast: Kernel;
  readonly CoSent: Kernel;
  readonly ColumnSum: Kernel;
  readonly Convert: Kernel;
  readonly CopyRows: Kernel;
  readonly Dropout: Kernel;
  readonly Gather: Kernel;
  readonly Gelu: Kernel;
  readonly GeluGrad: Kernel;
  readonly GeluTanh: Kernel;
  readonly InBatchSoftmax: Kernel;
  readonly LayerNorm: Kernel;
  readonly LayerNormGrad: Kernel;
  readonly MatMul: Kernel;
  readonly MaxTokens: Kernel;
  readonly MaxTokensGrad: Kernel;
  readonly Norm: Kernel;
  readonly PoolTokens: Kernel;
  readonly PoolTokensGrad: Kernel;
  readonly Reduce: Kernel;
  readonly RmsNorm: Kernel;
  readonly RmsNormGrad: Kernel;
  readonly Rotary: Kernel;
  readonly RowSum: Kernel;
  readonly ScatterAdd: Kernel;
  readonly Select: Kernel;
  readonly Silu: Kernel;
  readonly Softmax: Kernel;
  readonly Tile: Kernel;
  readonly Transpose: Kernel;
  readonly Unary: Kernel;
}

/** More are no help, and a system that gives no more threads would end the process. */
const MOST_THREADS = 1024;

let loaded: { binding: Binding; path: string } | undefined;

/** @throws NativeError naming the platform, the files tried and the fix. */
export function loadBinding(): { binding: Binding; path: string } {
  if (loaded) return loaded;
  const candidates = addonCandidates();
  const path = candidates.find(existsSync);
  if (!path) {
    throw new NativeError(
      `no addon for ${PLATFORM}; tried ${candidates.join(', ') || 'nothing'}`,
      `install @uniem/native-${PLATFORM}, or build it: uniem setup native`,
    );
  }
  // Threads that wait for a part's end give the core away soon: spinning starves whatever else runs here.
  process.env.GOMP_SPINCOUNT ??= '20000';
  let binding: Binding;
  try {
    binding = createRequire(import.meta.url)(path) as Binding;
  } catch (cause) {
    throw new NativeError(
      `${path} does not load on ${PLATFORM} (${(cause as Error).message})`,
      'delete its folder, then run: uniem setup native',
      { cause },
    );
  }
  binding.setThreads(threadCount());
  const limit = memoryLimit();
  if (limit !== undefined) binding.setMemoryLimit(limit);
  loaded = { binding, path };
  return loaded;
}

/** UNIEM_MEMORY_LIMIT: bytes of tensors that this process may hold; undefined for as many as there are. */
function memoryLimit(): number | undefined {
  const asked = process.env.UNIEM_MEMORY_LIMIT;
  if (!asked) return undefined;
  const bytes = Number(asked);
  if (Number.isSafeInteger(bytes) && bytes > 0) return bytes;
  throw new NativeError(`UNIEM_MEMORY_LIMIT is '${asked}'`, 'give a number of bytes above 0');
}

/** UNIEM_NUM_THREADS, or the cores this process may use. */
export function threadCount(): number {
  const asked = process.env.UNIEM_NUM_THREADS;
  if (asked === undefined) return Math.min(availableParallelism(), cgroupCores());
  const threads = Number(asked);
  if (Number.isInteger(threads) && threads > 0 && threads <= MOST_THREADS) return threads;
  throw new NativeError(`UNIEM_NUM_THREADS is '${asked}'`, `give a whole number from 1 to ${MOST_THREADS}`);
}

/** Cores by the container's CPU quota (cgroup v2's cpu.max: quota and period in microseconds). */
function cgroupCores(): number {
  const path = '/sys/fs/cgroup/cpu.max';
  if (!existsSync(path)) return Number.POSITIVE_INFINITY;
  const [quota, period] = readFileSync(path, 'utf8').split(' ').map(Number) as [number, number];
  return Number.isFinite(quota) ? Math.max(1, Math.ceil(quota / period)) : Number.POSITIVE_INFINITY;
}
