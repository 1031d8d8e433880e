/** Choice of the TF.js engine; the one place that loads a backend package. */

import * as tf from '@tensorflow/tfjs-core';

import { oneOf } from '@uniem/hub/arguments';

import { requireOptions } from '../arguments.ts';
import { EngineError } from '../errors.ts';
import { BACKENDS, type Backend, type Precision } from '../names.ts';
import { importOptional } from './optional-package.ts';
import { registerWasmBackend } from './wasm.ts';

import '../../generated/tfjs-gradients.js'; // tfjs-core alone knows no kernel's gradient: scripts/gradients.mjs

/** An engine that has started. */
export type EngineName = Exclude<Backend, 'auto'>;

export interface EngineOptions {
  backend?: Backend;
}

/**
 * Makes an engine current: models opened from here on compute on it. Those opened before stay on theirs.
 *
 * @throws An error naming the fix when the engine asked for by name cannot be started.
 */
export async function useEngine(options: EngineOptions = {}): Promise<EngineName> {
  requireOptions(options, { backend: oneOf(...BACKENDS) }, 'useEngine');
  const { backend = 'auto' } = options;
  return backend === 'auto' ? firstThatStarts() : start(backend);
}

/** @throws An error naming the fix where the engine cannot compute so. */
export async function requirePrecision(engine: string, precision: Precision): Promise<void> {
  if (precision === 'fp32') return;
  if (engine !== 'native') {
    throw new EngineError(`has no precision ${precision}`, `engine ${engine}`, 'use backend native, or precision fp32');
  }
  const { requireBf16 } = await import('@uniem/backend-native');
  requireBf16();
}

/** Runs work that ends before it returns on an engine that has started, whichever is current before and after. */
export function onEngine<T>(engine: string, work: () => T): T {
  const before = tf.getBackend();
  if (engine === before) return work();
  switchTo(engine);
  try {
    return work();
  } finally {
    switchTo(before);
  }
}

/** TF.js's promise is for engines that have yet to start; of one that has, the switch is made when the call returns. */
function switchTo(engine: string): void {
  void tf.setBackend(engine);
  if (tf.getBackend() !== engine) throw new Error(`internal: engine ${engine} has not started`);
}

/** Starts `auto` where neither useEngine nor tf.setBackend has chosen an engine: TF.js itself would take cpu unasked. */
export async function ensureEngine(): Promise<string> {
  return tf.engine().backendName || useEngine();
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
