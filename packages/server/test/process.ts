/** `uniem serve` in a process of its own. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const command = fileURLToPath(new URL('../../cli/bin/uniem.js', import.meta.url));

export interface ServeProcess {
  url: string;
  process: ChildProcess;
  /** Lines of stderr so far. */
  lines: string[];
  /** Resident memory in MB, as /metrics has it. */
  memory(): Promise<number>;
  stop(signal?: NodeJS.Signals): Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

/** Resolves when it listens; rejects with what it says when it ends before. */
export async function serveProcess(...args: string[]): Promise<ServeProcess> {
  const child = spawn(process.execPath, [command, 'serve', '--port', '0', ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const lines: string[] = [];
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stderr as NodeJS.ReadableStream }).on('line', (line) => {
      lines.push(line);
      const [, found] = / at (http:\S+)$/.exec(line) ?? [];
      if (found) resolve(found);
    });
    child.once('close', (code) => reject(new Error(`exit code ${code}: ${lines.join('\n')}`)));
  });
  return {
    url,
    process: child,
    lines,
    async memory() {
      const text = await (await fetch(`${url}/metrics`)).text();
      return Number(/^process_resident_memory_bytes (\d+)$/m.exec(text)?.[1]) / 1e6;
    },
    async stop(signal = 'SIGTERM') {
      if (child.exitCode === null && child.signalCode === null) {
        const exited = once(child, 'exit');
        child.kill(signal);
        await exited;
      }
      return { code: child.exitCode, signal: child.signalCode };
    },
  };
}
