/** What model.json says of a model beside its graph: written by packages/export/src/formats/graph-model.ts. */

import { ModelError } from '@uniem/core/browser';

export interface Settings {
  /** Values of a vector. */
  dimension: number;
  /** Tokens that a text is cut to; null, there is no limit. */
  maxLength: number | null;
  /** Whether the graph divides vectors by their length. */
  normalize: boolean;
  prompts: Readonly<Record<string, string>>;
  /** The prompt that stands before a text where none is given; null, none. */
  defaultPromptName: string | null;
  /** Whether the graph pools a prompt's tokens as the model does. */
  poolsPrompt: boolean;
  /** Whether texts are lower-cased first. */
  lowerCase: boolean;
  /** Whether the tokenizer's template is put around texts. */
  addSpecialTokens: boolean;
}

/** Each key's check. */
const CHECKS: { readonly [K in keyof Settings]: (value: unknown) => boolean } = {
  dimension: isCount,
  maxLength: (value) => value === null || isCount(value),
  normalize: isFlag,
  prompts: (value) =>
    typeof value === 'object' && value !== null && Object.values(value).every((text) => typeof text === 'string'),
  defaultPromptName: (value) => value === null || typeof value === 'string',
  poolsPrompt: isFlag,
  lowerCase: isFlag,
  addSpecialTokens: isFlag,
};

/** @throws ModelError for a GraphModel that this library's export did not write. */
export function readSettings(metadata: unknown, where: string): Settings {
  const settings = (metadata as { uniem?: Record<string, unknown> } | undefined)?.uniem;
  for (const [key, check] of Object.entries(CHECKS)) {
    if (settings && check(settings[key])) continue;
    const what = settings
      ? `userDefinedMetadata.uniem.${key} is ${JSON.stringify(settings[key])}`
      : 'has no metadata of uniem';
    throw new ModelError(what, where, 'write the model with `uniem export --format tfjs`');
  }
  return settings as unknown as Settings;
}

function isCount(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) > 0;
}

function isFlag(value: unknown): boolean {
  return typeof value === 'boolean';
}
