/** The tokenizer of a model folder. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { FLAG, NAME } from '@uniem/hub/arguments';
import { requireKind, requireOptions } from '../arguments.ts';
import { readJson } from '../formats/files.ts';
import { readTokenizerJson } from './convert.ts';
import { Tokenizer, type TokenizerOptions } from './tokenizer.ts';

/**
 * Reads tokenizer.json, or converts the files of a slow tokenizer where that is all there is.
 *
 * @throws ModelError naming the file that is missing or wrong.
 */
export function openTokenizer(folder: string, options: TokenizerOptions = {}): Tokenizer {
  requireKind(folder, NAME, 'folder');
  requireOptions(options, { lowerCase: FLAG, addSpecialTokens: FLAG }, 'openTokenizer');
  const configPath = join(folder, 'tokenizer_config.json');
  const config = existsSync(configPath) ? readJson(configPath) : {};
  const { json, path } = readTokenizerJson(folder, config);
  return Tokenizer.fromJson(json, config, path, options);
}
