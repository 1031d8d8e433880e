/** What stands before a text: a prompt that is given, or one of the model's. Runs in browsers too. */

import { OptionError } from '../errors.ts';

export interface PromptOptions {
  /** Put before every text; left out, the model's default prompt, where it has one. */
  prompt?: string;
  /** The name of one of the model's prompts. */
  promptName?: string;
}

/** A model's prompts by name. */
export type Prompts = Readonly<Record<string, string>>;

/** @throws OptionError for a name that the model does not have. */
export function promptOf(prompts: Prompts, byDefault: string | null, { prompt, promptName }: PromptOptions): string {
  if (prompt !== undefined) return prompt;
  const name = promptName ?? byDefault;
  if (name === null) return '';
  if (Object.hasOwn(prompts, name)) return prompts[name] as string;
  const names = Object.keys(prompts);
  throw new OptionError(
    `the model has no prompt '${name}'`,
    'promptName',
    names.length > 0 ? `use one of ${names.join(', ')}` : 'give the text itself as prompt',
  );
}

/**
 * Options with the prompt of that name, unless they say which. As sentence-transformers 6.2, where every model has the
 * prompts query and document, empty if it names none: no default comes in.
 */
export function withPrompt<O extends PromptOptions>(prompts: Prompts, name: string, options: O): O {
  if (options.prompt !== undefined || options.promptName !== undefined) return options;
  return { ...options, prompt: Object.hasOwn(prompts, name) ? (prompts[name] as string) : '' };
}
