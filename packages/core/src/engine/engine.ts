/** Choice of the TF.js engine; the one place that loads a backend package. */

import * as tf from '@tensorflow/tfjs-core';

import { EngineError } from '../errors.ts';
import { importOptional } from './optional-package.ts';
import { registerWasmBackend } from './wasm.ts';

import '../../generated/tfjs-gradients.js'; // tfjs-core alone knows no kernel's gradient: scripts/gradients.mjs

export const BACKENDS = ['auto', 'native', 'tensorflow', 'wasm', 'cpu'] as const;

/** `auto` is the first of native, tensorflow, wasm and cpu that starts; with a warning where that is wasm or cpu. */
export type Backend = (typeof BACKENDS)[number];

export const PRECISIONS = ['fp32', 'bf16'] as const;

/** Arithmetic of matrix products; sums, norms, softmax, loss and the weights themselves are always fp32. */
export type Precision = (typeof PRECISIONS)[number];

/** An engine that has started. */
export type EngineName = Exclude<Backend, 'auto'>;

export interface EngineOptions {
  backend?: Backend;
  precision?: Precision;
}

/**
 * Makes an engine current for all that follows, and returns its name.
 *
 * @throws An error naming the fix when the engine asked for by name cannot be started or has no such precision.
 */
export async function useEngine({ backend = 'auto', precision = 'fp32' }: EngineOptions = {}): Promise<EngineName> {
  const name = backend === 'auto' ? await firstThatStarts() : await start(backend);
  if (name === 'native') {
    const { usePrecision } = await import('@uniem/backend-native');
    usePrecision(precision);
  } else if (precision !== 'fp32') {
    throw new EngineError(`has no precision ${precision}`, `engine ${name}`, 'use backend native, or precision fp32');
  }
  return name;
}

/** Starts `auto` where neither useEngine nor tf.setBackend has chosen an engine: TF.js itself would take cpu unasked. */
export async function ensureEngine(): Promise<void> {
  if (!tf.engine().backendName) await useEngine();
}

/** How long each takes beside native, for the warning. */
const SLOWNESS: Partial<Record<EngineName, string>> = { wasm: 'about 50 times', cpu: 'about 200 times' };

async function firstThatStarts(): Promise<EngineName> {
  const causes: string[] = [];
  for (const name of ['native', 'tensorflow', 'wasm'] as const) {
    try {
      const started = await start(name);
      if (causes.length > 0) report(started, causes);
      return started;
    } catch (cause) {
      causes.push((cause as Error).message.split('\n')[0] as string);
    }
  }
  report('cpu', causes);
  return start('cpu');
}

function report(name: EngineName, causes: string[]): void {
  const slower = SLOWNESS[name];
  process.stderr.write(
    slower === undefined
      ? `note: computing on engine ${name}, since ${causes.join('; ')}\n`
      : `warning: computing on TF.js's ${name} engine, ${slower} slower than native\n  ${causes.join('\n  ')}\n` +
          '  fix: run `uniem setup native`\n',
  );
}

async function start(name: EngineName): Promise<EngineName> {
  tf.enableProdMode(); // else engine cpu advises on stderr to install another package than ours
  if (name === 'native') {
    const { registerNativeBackend } = await import('@uniem/backend-native');
    await registerNativeBackend();
  } else if (name === 'tensorflow') {
    const load = () => import('@uniem/backend-tensorflow');
    const { registerTensorflowBackend } = await importOptional(load, '@uniem/backend-tensorflow', 'engine tensorflow');
    await registerTensorflowBackend();
  } else if (name === 'wasm') {
    await registerWasmBackend();
  } else {
    await import('@tensorflow/tfjs-backend-cpu');
  }
  if (!(await tf.setBackend(name))) {
    throw new EngineError('could not be started', `engine ${name}`, 'run `uniem doctor` to see which engines can');
  }
  return name;
}
