/** The OpenAPI document, from the routes' own schemas. */

import { z } from 'zod';

import type { Route } from './route.ts';

const ERRORS = {
  400: 'invalid request',
  401: 'missing or invalid API key',
  404: 'model not found',
  413: 'request body too large',
  415: 'not application/json',
  429: 'server at capacity; see Retry-After',
  503: 'timed out, or shutting down',
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
    responses: { 200: { description: 'success' }, ...(body ? Object.fromEntries(errors) : {}) },
  };
}

function schemaOf(body: z.ZodObject): object {
  const { $schema, ...schema } = z.toJSONSchema(body, { io: 'input' });
  return schema;
}
