/** What of @uniem/core runs in browsers: the public names of @uniem/core/browser. Nothing here may use Node or an engine. */

export { type PromptOptions, type Prompts, promptOf, withPrompt } from './embedder/prompts.ts';
export { EngineError, ModelError, OptionError } from './errors.ts';
export { batchesByLength } from './tokenizer/token-batch.ts';
export { Tokenizer } from './tokenizer/tokenizer.ts';
