/** OpenAI's routes: /v1/embeddings and /v1/models. */

import { RequestError } from '../errors.ts';
import { mapInTurns } from '../models/turns.ts';
import { jsonAnswer, postRoute, type Route, type Shared } from './route.ts';
import { openAiEmbeddings } from './schemas.ts';

const TOKEN_IDS =
  'input contains token ids, which come from a different tokenizer: send text instead. ' +
  'In LangChain, set OpenAIEmbeddings(check_embedding_ctx_length=False)';

export function openAiRoutes({ models }: Shared): Route[] {
  const started = Math.floor(Date.now() / 1000);
  const cardOf = (id: string) => ({ id, object: 'model', created: started, owned_by: 'uniem' });
  return [
    postRoute({
      path: '/v1/embeddings',
      summary: "Embeds texts as OpenAI's endpoint does; vectors have length 1.",
      body: openAiEmbeddings,
      async handle(_context, body, signal) {
        const model = models.named(body.model);
        const { vectors, tokens, truncated } = await models.embed(model, textsOf(body.input), {
          field: 'input',
          promptName: body.prompt_name,
          inputType: body.input_type,
          truncate: body.truncate,
          dimensions: body.dimensions,
          normalize: true,
          signal,
        });
        const data = await mapInTurns(vectors, signal, (vector, index) => {
          const embedding = body.encoding_format === 'base64' ? `"${base64(vector)}"` : jsonOf(vector);
          return `{"object":"embedding","index":${index},"embedding":${embedding}}`;
        });
        const usage = JSON.stringify({ prompt_tokens: tokens, total_tokens: tokens });
        const name = JSON.stringify(model.name);
        const json = `{"object":"list","data":[${data.join(',')}],"model":${name},"usage":${usage}}`;
        return jsonAnswer(json, truncated);
      },
    }),
    {
      method: 'GET',
      path: '/v1/models',
      summary: 'Lists the models.',
      handle: (context) => context.json({ object: 'list', data: models.all.map(({ name }) => cardOf(name)) }),
    },
    {
      method: 'GET',
      path: '/v1/models/:model{.+}', // a name of the hub has a slash
      summary: 'Describes a model.',
      handle: (context) => context.json(cardOf(models.named(context.req.param('model') as string).name)),
    },
  ];
}

/** @throws RequestError for token ids and for no text. */
function textsOf(input: string | readonly (string | number | readonly number[])[]): string[] {
  const list = typeof input === 'string' ? [input] : input;
  if (list.length === 0)
    throw new RequestError('invalid', 'input is an empty list: give at least one text', { param: 'input' });
  if (typeof list[0] !== 'string') throw new RequestError('invalid', TOKEN_IDS, { param: 'input', code: 'token_ids' });
  return list as string[];
}

/** Of little-endian float32. */
function base64(vector: Float32Array): string {
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString('base64');
}

export function jsonOf(vector: Float32Array): string {
  return `[${vector.join(',')}]`;
}
