/** What stands around an exported graph: the tokenizer's files, and what a user should know of prompts. */

import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Embedder } from '@uniem/core';

/** Writes what readers in JavaScript take, and nothing else, where the folder does not have it yet. */
export function writeTokenizer({ tokenizer }: Embedder, folder: string): void {
  const write = (name: string, content: () => Record<string, unknown>) => {
    if (!existsSync(join(folder, name))) writeFileSync(join(folder, name), `${JSON.stringify(content(), null, 2)}\n`);
  };
  write('tokenizer.json', () => tokenizer.toJson());
  write('tokenizer_config.json', () => ({ tokenizer_class: 'PreTrainedTokenizerFast' }));
}

/** What the graph leaves to its caller. */
export function callerNotes(embedder: Embedder): string[] {
  const lowerCase = embedder.lowerCase
    ? ['texts are lower-cased by the caller: the model says so outside its tokenizer.json']
    : [];
  return [...lowerCase, ...promptNotes(embedder)];
}

function promptNotes({ prompts, poolsPrompt }: Embedder): string[] {
  if (Object.keys(prompts).length === 0) return [];
  const names = Object.keys(prompts).join(', ');
  const before = `prompts (${names}) are put before a text by the caller: the graph begins with token ids`;
  if (poolsPrompt) return [before];
  return [
    before,
    "sentence_embedding pools a prompt's tokens too, which this model leaves out; sentence-transformers pools last_hidden_state itself and leaves them out",
  ];
}
