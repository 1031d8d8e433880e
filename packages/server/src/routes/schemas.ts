/** What requests hold. Fields that are not known are refused, as OpenAI does: none is dropped in silence. */

import { z } from 'zod';

/** A field that clients in Python send as null where they mean nothing. */
const optional = <T extends z.ZodType>(type: T) => type.nullish().transform((value) => value ?? undefined);

const texts = z.union([z.string(), z.array(z.string())]);

const promptName = optional(z.string()).describe(
  "the name of one of the model's prompts, which is put before each text",
);

/** Other servers' names for the same two things. */
const INPUT_TYPES = ['query', 'document', 'search_query', 'search_document', 'passage'] as const;

const inputType = optional(z.enum(INPUT_TYPES)).describe(
  "what the texts are; the model's prompt of that name is put before each, where it has one",
);

const truncate = optional(z.boolean()).describe("whether texts are cut to the model's length (the default) or refused");

const dimensions = optional(z.int().positive()).describe('leading values that are kept of each vector');

const truncationDirection = optional(z.enum(['right', 'Right'])).describe('the end that is cut; Right alone');

const teiModel = optional(z.string()).describe('which of the models served; the first where left out');

export type InputType = (typeof INPUT_TYPES)[number];

export const openAiEmbeddings = z.strictObject({
  input: z
    .union([z.string(), z.array(z.string()), z.array(z.int()), z.array(z.array(z.int()))])
    .describe('a text or a list of texts; token ids are refused'),
  model: z.string().describe('the name of a model served'),
  encoding_format: optional(z.enum(['float', 'base64'])).describe(
    'float (the default), or base64 of little-endian float32',
  ),
  dimensions,
  user: optional(z.string()).describe('not used'),
  prompt_name: promptName,
  input_type: inputType,
  truncate,
});

export const teiEmbed = z.strictObject({
  inputs: texts.describe('a text or a list of texts'),
  model: teiModel,
  normalize: optional(z.boolean()).describe('whether each vector is divided by its length (the default)'),
  truncate,
  truncation_direction: truncationDirection,
  prompt_name: promptName,
  input_type: inputType,
  dimensions,
});

export const teiSimilarity = z.strictObject({
  inputs: z.strictObject({
    source_sentence: z.string().describe('the text that the others are compared with'),
    sentences: z.array(z.string()).describe('the others'),
  }),
  model: teiModel,
  parameters: optional(
    z.strictObject({
      truncate,
      truncation_direction: truncationDirection,
      prompt_name: promptName,
    }),
  ),
});

export const teiTokenize = z.strictObject({
  inputs: texts.describe('a text or a list of texts'),
  model: teiModel,
  add_special_tokens: optional(z.boolean()).describe('whether the special tokens are among them (the default)'),
  prompt_name: promptName,
});
