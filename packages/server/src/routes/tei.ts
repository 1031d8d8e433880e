/** Routes of Hugging Face's text-embeddings-inference: /embed, /similarity, /tokenize, /info and /health. */

import { readFileSync } from 'node:fs';

import { RequestError } from '../errors.ts';
import { checkText, type ServedModel } from '../models/served-model.ts';
import { mapInTurns } from '../models/turns.ts';
import { jsonOf } from './openai.ts';
import { jsonAnswer, postRoute, type Route, type Shared } from './route.ts';
import { teiEmbed, teiSimilarity, teiTokenize } from './schemas.ts';

const { version: VERSION } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

export function teiRoutes(shared: Shared): Route[] {
  const { models } = shared;
  return [
    postRoute({
      path: '/embed',
      summary: 'Embeds texts: a list of vectors.',
      body: teiEmbed,
      async handle(_context, body, signal) {
        const { vectors, truncated } = await models.embed(models.chosen(body.model), listOf(body.inputs), {
          field: 'inputs',
          promptName: body.prompt_name,
          inputType: body.input_type,
          truncate: body.truncate,
          dimensions: body.dimensions,
          normalize: body.normalize ?? true,
          signal,
        });
        return jsonAnswer(`[${(await mapInTurns(vectors, signal, jsonOf)).join(',')}]`, truncated);
      },
    }),
    postRoute({
      path: '/similarity',
      summary: 'Cosines of one text with each of the others.',
      body: teiSimilarity,
      async handle(_context, { inputs, model, parameters }, signal) {
        const { source_sentence: source, sentences } = inputs;
        if (sentences.length === 0)
          throw new RequestError('invalid', 'inputs.sentences is an empty list: give at least one text');
        const { vectors, truncated } = await models.embed(models.chosen(model), [source, ...sentences], {
          field: '[source_sentence, ...sentences]',
          promptName: parameters?.prompt_name,
          truncate: parameters?.truncate,
          normalize: true,
          signal,
        });
        const [first, ...others] = vectors as [Float32Array, ...Float32Array[]];
        return jsonAnswer(JSON.stringify(others.map((other) => dot(first, other))), truncated);
      },
    }),
    postRoute({
      path: '/tokenize',
      summary: "Each text's tokens, none of them cut off.",
      body: teiTokenize,
      async handle(_context, body, signal) {
        const model = models.chosen(body.model);
        const prompt = model.promptOf({ promptName: body.prompt_name });
        const specialTokens = body.add_special_tokens ?? true;
        const all = await mapInTurns(listOf(body.inputs), signal, (text, i) => {
          checkText(text, `inputs[${i}]`, 'inputs');
          const tokens = model.text.tokenizer.tokens(prompt + text, { specialTokens });
          // Where a token is in the text is not kept.
          return tokens.map(({ id, token, special }) => ({ id, text: token, special, start: null, stop: null }));
        });
        return jsonAnswer(JSON.stringify(all));
      },
    }),
    {
      method: 'GET',
      path: '/info',
      summary: 'What is served, and its limits; ?model=NAME for another than the first.',
      handle: (context) => context.json(infoOf(models.chosen(context.req.query('model')), shared)),
    },
    {
      method: 'GET',
      path: '/health',
      summary: '200 while requests are answered, else 503.',
      isPublic: true,
      handle() {
        const reason = shared.unavailable();
        if (reason !== undefined) throw new RequestError('unavailable', reason);
        return new Response(null, { status: 200 });
      },
    },
  ];
}

/** With the names that text-embeddings-inference has; its limit on texts of a request is not there: lists are split. */
function infoOf({ name, text }: ServedModel, { options, models }: Shared): object {
  return {
    model_id: name,
    model_dtype: options.precision === 'fp32' ? 'float32' : 'bfloat16',
    model_type: { embedding: { pooling: text.poolingStrategy } },
    max_input_length: text.maxLength,
    max_batch_tokens: options.maxBatchTokens,
    max_concurrent_requests: options.maxConcurrentRequests,
    max_client_batch_size: options.maxQueueTexts,
    auto_truncate: true,
    prompts: text.prompts,
    dimensions: text.dimension,
    backend: models.engine.name,
    models: models.all.map(({ name }) => name),
    version: VERSION,
  };
}

function listOf(inputs: string | readonly string[]): readonly string[] {
  const list = typeof inputs === 'string' ? [inputs] : inputs;
  if (list.length === 0)
    throw new RequestError('invalid', 'inputs is an empty list: give at least one text', { param: 'inputs' });
  return list;
}

/** The cosine of vectors of length 1. */
function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + value * (b[i] as number), 0);
}
