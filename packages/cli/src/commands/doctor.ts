/** uniem doctor: what this machine has and which engines are ready. */

import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';

import { z } from 'zod';

import { defineCommand } from '../command.ts';

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };
const INSTRUCTION_SETS = ['avx2', 'avx512f', 'avx512_bf16', 'amx_bf16'];
const CPU_INFO = '/proc/cpuinfo';

export const doctor = defineCommand({
  flags: z.strictObject({}),
  async run() {
    const cpu = existsSync(CPU_INFO) ? readFileSync(CPU_INFO, 'utf8') : '';
    const flags = new Set(/^flags\s*:(.*)$/m.exec(cpu)?.[1]?.trim().split(' '));
    const { nativeStatus } = await import('@uniem/backend-native');
    const native = nativeStatus();
    const lines = [
      ['uniem', version],
      ['node', process.versions.node],
      ['platform', `${process.platform} ${process.arch}`],
      ['threads', String(availableParallelism())],
      ['instruction sets', INSTRUCTION_SETS.filter((name) => flags.has(name)).join(' ') || 'unknown'],
      ['engine native', native.ready ? `ready in ${native.path}` : 'not set up (run: uniem setup native)'],
      ['engine tensorflow', await ifInstalled(tensorflow)],
      ['engine wasm', await ifInstalled(wasm)],
      ['engine cpu', 'ready, about 200 times slower'],
    ];
    process.stdout.write(lines.map(([name, value]) => `${name?.padEnd(18)} ${value}\n`).join(''));
  },
});

async function tensorflow(): Promise<string> {
  const { importOptional } = await import('@uniem/core');
  const load = () => import('@uniem/backend-tensorflow');
  const { tensorflowStatus } = await importOptional(load, '@uniem/backend-tensorflow', 'engine tensorflow');
  const { ready, cacheFolder } = tensorflowStatus();
  return ready ? `ready in ${cacheFolder}` : 'not set up (run: uniem setup tensorflow)';
}

async function wasm(): Promise<string> {
  const { registerWasmBackend } = await import('@uniem/core');
  await registerWasmBackend();
  return 'ready, about 50 times slower';
}

/** What an engine of an optional package says of itself, or the command that installs it. */
async function ifInstalled(status: () => Promise<string>): Promise<string> {
  const { EngineError } = await import('@uniem/core');
  try {
    return await status();
  } catch (error) {
    if (error instanceof EngineError) return `not installed (${error.fix})`;
    throw error;
  }
}
