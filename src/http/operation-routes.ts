import { type RequestHandler, Router } from 'express';
import { BODY_LIMITS, jsonBody, parseWith } from './middleware/json-body.ts';
import type { Access, Operation } from './operation.ts';
import { resource, sendAnswer } from './resource.ts';

type Handlers = Partial<Record<Operation<unknown>['method'], RequestHandler[]>>;

const readBody = jsonBody(BODY_LIMITS.media);

/** Reads a JSON body; an absent one is `{}`. */
const optionalBody: RequestHandler = function optionalBody(req, res, next) {
  const { 'transfer-encoding': chunked, 'content-length': length } = req.headers;
  if (chunked !== undefined || Number(length) > 0) return readBody(req, res, next);
  req.body = {};
  next();
};

/** Validates the input, runs the operation, and sends what it returns. */
function runner<Context>(operation: Operation<Context>, context: Context): RequestHandler {
  const { params, query, body } = operation;
  return async function runOperation(req, res) {
    const input = {
      params: params && parseWith(params, req.params),
      query: query && parseWith(query, req.query),
      body: body && parseWith(body, req.body),
    };
    const result = await operation.run(context, input as never, res);
    if (result !== undefined) sendAnswer(res, { status: 200, body: result });
  };
}

/** Everything between the route and the response, in order: access, own middleware, body, `run`. */
function handlersOf<Context>(
  operation: Operation<Context>,
  context: Context,
  guard: RequestHandler | undefined,
): RequestHandler[] {
  return [
    ...(guard ? [guard] : []),
    ...(operation.before?.(context) ?? []),
    ...(operation.body ? [operation.readBody?.(context) ?? optionalBody] : []),
    runner(operation, context),
  ];
}

/**
 * The routes of operations, in their order: 400 with every fault, 405 with `Allow`, 413, 415.
 *
 * @param guards middleware by access; none where the router itself is mounted behind one
 */
export function operationRoutes<Context>(
  operations: Operation<Context>[],
  context: Context,
  guards: Partial<Record<Access, RequestHandler>> = {},
): Router {
  const byPath = new Map<string, Handlers>();
  for (const operation of operations) {
    const handlers = byPath.get(operation.path) ?? {};
    handlers[operation.method] = handlersOf(operation, context, guards[operation.access]);
    byPath.set(operation.path, handlers);
  }
  const router = Router({ caseSensitive: true });
  for (const [path, handlers] of byPath) resource(router, path.replace(/\{(\w+)\}/g, ':$1'), handlers);
  return router;
}
