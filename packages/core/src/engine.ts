/** Choice of the TF.js engine; the one place that loads a backend package. */

import * as tf from '@tensorflow/tfjs';

import { EngineError } from './errors.ts';

export const BACKENDS = ['auto', 'tensorflow', 'cpu'] as const;

/** `auto` is tensorflow, else cpu with a warning. */
export type Backend = (typeof BACKENDS)[number];

/**
 * Makes an engine current for all that follows, and returns its name.
 *
 * @throws EngineError when the engine asked for by name cannot be started.
 */
export async function useEngine(options: { backend?: Backend } = {}): Promise<'tensorflow' | 'cpu'> {
  const backend = options.backend ?? 'auto';
  if (backend === 'cpu') return select('cpu');
  try {
    const { registerTensorflowBackend } = await import('@uniem/backend-tensorflow');
    await registerTensorflowBackend();
    return await select('tensorflow');
  } catch (cause) {
    if (backend === 'tensorflow') throw cause;
    process.stderr.write(
      `warning: engine tensorflow cannot start, training on TF.js's cpu engine, about 200 times slower\n` +
        `  cause: ${(cause as Error).message.split('\n')[0]}\n  fix: run \`uniem setup tensorflow\`\n`,
    );
    return select('cpu');
  }
}

async function select(name: 'tensorflow' | 'cpu'): Promise<'tensorflow' | 'cpu'> {
  if (!(await tf.setBackend(name))) {
    throw new EngineError('could not be started', `engine ${name}`, 'run `uniem doctor` to see which engines can');
  }
  return name;
}
