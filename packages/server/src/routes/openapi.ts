/** The OpenAPI document, from the routes' own schemas. */

import { z } from 'zod';

import type { Route } from './route.ts';

const ERRORS = {
  400: 'what is wrong with the request',
  401: 'the key is missing or wrong',
  404: 'no such model',
  413: 'the request is too large',
  415: 'the body is not JSON',
  429: 'the server is full: Retry-After has the seconds to wait',
  503: 'the time-out passed, or the server shuts down',
};

export function openApiOf(routes: readonly Route[], hasKey: boolean): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const path = route.path.replace(/:(\w+)(\{[^}]*\})?/g, '{$1}');
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route, path) };
  }
  const bearer = { type: 'http', scheme: 'bearer' };
  return {
    openapi: '3.1.0',
    info: { title: 'uniem serve', version: '1', description: "OpenAI's and text-embeddings-inference's endpoints." },
    paths,
    ...(hasKey ? { components: { securitySchemes: { bearer } }, security: [{ bearer: [] }] } : {}),
  };
}

function operationOf({ summary, body, isPublic }: Route, path: string): object {
  const parameters = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  const errors = Object.entries(ERRORS).map(([status, description]) => [status, { description }]);
  return {
    summary,
    ...(isPublic ? { security: [] } : {}),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(body ? { requestBody: { required: true, content: { 'application/json': { schema: schemaOf(body) } } } } : {}),
    responses: { 200: { description: 'the answer' }, ...(body ? Object.fromEntries(errors) : {}) },
  };
}

function schemaOf(body: z.ZodObject): object {
  const { $schema, ...schema } = z.toJSONSchema(body, { io: 'input' });
  return schema;
}
