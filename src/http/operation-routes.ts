import { type RequestHandler, Router } from 'express';
import { z } from 'zod';
import { BODY_LIMITS, jsonBody, parseWith } from './middleware/json-body.ts';
import type { Operation } from './ports.ts';
import { resource, sendAnswer } from './resource.ts';

type Handlers = Partial<Record<Operation<unknown>['method'], RequestHandler[]>>;

const nothing = z.strictObject({});
const readBody = jsonBody(BODY_LIMITS.media);

/** Reads a JSON body; none at all is `{}`. */
const optionalBody: RequestHandler = function optionalBody(req, res, next) {
  const { 'transfer-encoding': chunked, 'content-length': length } = req.headers;
  if (chunked !== undefined || Number(length) > 0) return readBody(req, res, next);
  req.body = {};
  next();
};

/** The handlers of one operation: what comes in is checked; what comes out is JSON, unless it writes itself. */
function handlersOf<Context>(operation: Operation<Context>, context: Context): RequestHandler[] {
  const { method, params = nothing, query = nothing, body = nothing, answer, run } = operation;
  const handle: RequestHandler = async function handle(req, res) {
    const input = {
      ...(parseWith(params, req.params) as object),
      ...(parseWith(query, req.query) as object),
      ...(parseWith(body, req.body ?? {}) as object),
    };
    const result = await run(context, input as never, res);
    if ('json' in answer) sendAnswer(res, { status: 200, body: result });
  };
  return method === 'post' ? [optionalBody, handle] : [handle];
}

/** The routes of operations, in the contract's form: 400 with every fault, 405 with `Allow`, 413, 415. */
export function operationRoutes<Context>(operations: Operation<Context>[], context: Context): Router {
  const byPath = new Map<string, Handlers>();
  for (const operation of operations) {
    const handlers = byPath.get(operation.path) ?? {};
    byPath.set(operation.path, { ...handlers, [operation.method]: handlersOf(operation, context) });
  }
  const router = Router({ caseSensitive: true });
  for (const [path, handlers] of byPath) resource(router, path.replace(/\{(\w+)\}/g, ':$1'), handlers);
  return router;
}
