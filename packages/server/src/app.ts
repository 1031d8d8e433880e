/** The routes with what stands before each of them: the key, the limits, the time-out, and the shape of errors. */

import { type Context, Hono } from 'hono';
import { RequestError } from './errors.ts';
import { isAuthorized } from './http/authorization.ts';
import { readBody } from './http/body.ts';
import { withSignal } from './http/signal.ts';
import { METRICS_TYPE } from './metrics.ts';
import { openAiRoutes } from './routes/openai.ts';
import { openApiOf } from './routes/openapi.ts';
import { pageRoute } from './routes/page.ts';
import type { Route, Shared } from './routes/route.ts';
import { teiRoutes } from './routes/tei.ts';

/** Seconds of Retry-After at most: the pace so far says little about what comes. */
const LONGEST_WAIT = 60;

export function createApp(shared: Shared): Hono {
  const { metrics } = shared;
  const app = new Hono();
  const routes: Route[] = [
    ...openAiRoutes(shared),
    ...teiRoutes(shared),
    {
      method: 'GET',
      path: '/metrics',
      summary: "Figures in Prometheus' format.",
      handle: () => new Response(metrics.text(), { headers: { 'content-type': METRICS_TYPE } }),
    },
    {
      method: 'GET',
      path: '/openapi.json',
      summary: 'This document.',
      isPublic: true,
      handle: (context) => context.json(openApiOf(routes, shared.options.apiKey !== undefined)),
    },
    pageRoute(),
  ];
  const paths = new Set(routes.map(({ path }) => path));
  app.use(async (context, next) => {
    const start = performance.now();
    await next();
    const { path } = context.req;
    const route = paths.has(path) ? path : 'other'; // a path of the client's would be a series of its own
    metrics.requests.add(1, { route, status: context.res.status });
    metrics.requestSeconds.observe((performance.now() - start) / 1000, { route });
    if (shared.unavailable() !== undefined) context.header('connection', 'close');
  });
  const answer = answerOf(shared);
  for (const route of routes) {
    app.on(route.method, route.path, (context) => answer(route, context));
  }
  app.notFound((context) => {
    const there = routes.find(({ path }) => path === context.req.path);
    const { method } = context.req;
    const error = there
      ? new RequestError('method', `method ${method} is not allowed for ${context.req.path}: use ${there.method}`)
      : new RequestError('not_found', `no route for ${method} ${context.req.path.slice(0, 100)}`);
    return refuse(context, error);
  });
  app.onError((error, context) => refuse(context, error instanceof RequestError ? error : internal(error)));
  return app;
}

function answerOf({ options, models, metrics, unavailable }: Shared) {
  let working = 0;
  metrics.gauge('uniem_requests_in_progress', 'Requests in progress.', () => working);
  const requireRoom = () => {
    const { batcher } = models;
    if (working < options.maxConcurrentRequests && batcher.waiting.texts < options.maxQueueTexts) return;
    metrics.rejected.add(1);
    const retryAfter = Math.min(LONGEST_WAIT, Math.max(1, Math.ceil(batcher.waitingSeconds)));
    const message = `server is at capacity: ${working} requests in progress, ${batcher.waiting.texts} texts queued; retry in ${retryAfter} s`;
    throw new RequestError('overloaded', message, { code: 'rate_limit_exceeded', retryAfter });
  };
  return async (route: Route, context: Context): Promise<Response> => {
    if (!route.isPublic && !isAuthorized(context.req.header('authorization'), options.apiKey)) {
      const message = 'missing or invalid API key: send the header Authorization: Bearer KEY';
      throw new RequestError('unauthorized', message, { code: 'invalid_api_key' });
    }
    const { body } = route;
    if (!body) return route.handle(context, undefined, context.req.raw.signal);
    const reason = unavailable();
    if (reason !== undefined) throw new RequestError('unavailable', reason);
    requireRoom();
    working++;
    try {
      return await withSignal(context.req.raw.signal, options.timeout, async (signal) =>
        route.handle(context, await readBody(context, body, { maxBytes: options.maxBodyBytes, signal }), signal),
      );
    } finally {
      working--;
    }
  };
}

function internal(error: Error): RequestError {
  process.stderr.write(`error: ${error.stack ?? error}\n`);
  return new RequestError('internal', error.message.split('\n')[0] as string);
}

/** In OpenAI's shape or text-embeddings-inference's, by the route. */
function refuse(context: Context, error: RequestError): Response {
  const { retryAfter } = error.details;
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  if (retryAfter !== undefined) headers['retry-after'] = String(retryAfter);
  if (error.refusal === 'unauthorized') headers['www-authenticate'] = 'Bearer';
  const body = context.req.path.startsWith('/v1') ? error.openAiBody() : error.teiBody();
  return new Response(JSON.stringify(body), { status: error.status, headers });
}
