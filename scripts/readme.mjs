/** Writes the flag tables of docs/cli.md from the commands' own schemas; with --check only says whether they agree. */

import { readFileSync, writeFileSync } from 'node:fs';

import { compare } from '../packages/cli/dist/commands/compare.js';
import { embed } from '../packages/cli/dist/commands/embed.js';
import { encode } from '../packages/cli/dist/commands/encode.js';
import { evaluate } from '../packages/cli/dist/commands/evaluate.js';
import { exportCommand } from '../packages/cli/dist/commands/export.js';
import { finetune } from '../packages/cli/dist/commands/finetune.js';
import { mine } from '../packages/cli/dist/commands/mine.js';
import { push } from '../packages/cli/dist/commands/push.js';
import { search } from '../packages/cli/dist/commands/search.js';
import { serve } from '../packages/cli/dist/commands/serve.js';
import { flagTable } from '../packages/cli/dist/flags.js';

const path = new URL('../docs/cli.md', import.meta.url);
const before = readFileSync(path, 'utf8');
let after = before;
for (const [name, command] of Object.entries({
  finetune,
  encode,
  embed,
  search,
  evaluate,
  compare,
  mine,
  export: exportCommand,
  serve,
  push,
})) {
  const [begin, end] = [`<!-- flags of ${name} -->\n`, `<!-- end of flags -->`];
  const [head, rest] = after.split(begin);
  if (rest === undefined) throw new Error(`docs/cli.md has no line ${begin}`);
  after = `${head}${begin}\n${flagTable(command.flags)}\n\n${rest.slice(rest.indexOf(end))}`;
}
if (!process.argv.includes('--check')) writeFileSync(path, after);
else if (after !== before) {
  process.stderr.write("docs/cli.md: the flag tables are not the schemas'\n  fix: run: node scripts/readme.mjs\n");
  process.exitCode = 1;
}
