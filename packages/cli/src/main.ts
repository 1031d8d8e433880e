/** The uniem command: picks the sub-command, prints errors, sets the exit code (0 done, 1 failed, 2 wrong usage). */

import { COMMANDS } from './commands/index.ts';
import { UsageError } from './usage-error.ts';

async function main(argv: string[]): Promise<void> {
  const [name, ...rest] = argv;
  if (name === undefined || name === '--help') {
    process.stdout.write(overview());
    return;
  }
  const entry = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!entry)
    throw new UsageError(`unknown command '${name}'`, 'uniem', `use one of ${Object.keys(COMMANDS).join(', ')}`);
  const command = await entry.load();
  const { describeFlags, parseFlags } = await import('./flags.ts');
  if (rest.includes('--help')) {
    process.stdout.write(`uniem ${name}: ${entry.summary}\n\n${describeFlags(command.flags)}\n`);
    return;
  }
  const named = command.arguments ?? [];
  const given = rest.findIndex((part, i) => i >= named.length || part.startsWith('--'));
  const first = given < 0 ? rest.length : given;
  const args = [...rest.slice(0, first).flatMap((value, i) => [`--${named[i]}`, value]), ...rest.slice(first)];
  await command.run(await parseFlags(command.flags, args, name));
}

function overview(): string {
  const lines = Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(10)} ${summary}\n`);
  return `uniem <command> [flags]\n\n${lines.join('')}\nuniem <command> --help lists its flags; --debug shows the stack of an error\n`;
}

const argv = process.argv.slice(2).filter((argument) => argument !== '--debug');
const debug = argv.length < process.argv.length - 2;
try {
  await main(argv);
} catch (error) {
  const { name, message, stack } = error as Error;
  process.stderr.write(debug ? `${stack}\n` : `${name}: ${message}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
