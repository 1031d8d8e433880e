#!/usr/bin/env node
/** uniem-demo MODEL [--port N]: a page that shows the similarities of texts, by a model of `uniem export --format tfjs`. */

import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { serve } from './serve.js';

function fail(message, fix) {
  process.stderr.write(`${message}\n  fix: ${fix}\n`);
  process.exit(1);
}

const USAGE = 'run: uniem-demo MODEL [--port 8080]';

let parsed;
try {
  parsed = parseArgs({ allowPositionals: true, options: { port: { type: 'string', default: '8080' } } });
} catch (error) {
  fail(error.message, USAGE);
}
const [model, ...more] = parsed.positionals;
const port = Number(parsed.values.port);
if (model === undefined || more.length > 0) fail('give one model folder', USAGE);
if (!Number.isInteger(port) || port < 0 || port > 65535)
  fail(`--port: ${parsed.values.port} is no port`, 'give 0 to 65535');
if (!existsSync(join(model, 'model.json'))) {
  fail(`${model}: no model.json`, `write one: uniem export --model MODEL --format tfjs --output ${model}`);
}
try {
  const { url } = await serve(resolve(model), port);
  process.stdout.write(`${url}\n`);
} catch (error) {
  fail(`--port: ${error.message}`, 'give another port, or 0 for a free one');
}
