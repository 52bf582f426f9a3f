import type { RequestHandler, Response } from 'express';
import type { z } from 'zod';
import type { ErrorCode } from '../actors/domain/errors.ts';

/**
 * Who may call an operation. `operator`: a bearer of `SESSIONS_TOKEN`, where it is set; `page`: the same, but a browser
 * without a login is redirected to the form; `agent`: a bearer of the agent's key.
 */
export type Access = 'open' | 'operator' | 'page' | 'agent';

/** A header of a response, for the document; `required` when every such response has it. */
export interface HeaderDescription {
  description: string;
  example?: string;
  required?: true;
}

/** A response for the document: JSON of a schema, or other media types, texts with an example. */
export interface ResponseDescription {
  description: string;
  json?: z.ZodType;
  example?: unknown;
  types?: Record<string, string | null>;
  headers?: Record<string, HeaderDescription>;
}

/**
 * One endpoint: routed, guarded, validated and documented from this entry alone. `Context` is what all operations of
 * an API work on.
 */
export interface Operation<Context> {
  method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** Below the mount point, parameters in braces: `/sessions/{agentId}`. */
  path: string;
  operationId: string;
  summary: string;
  description?: string;
  tag: string;
  access: Access;
  params?: z.ZodObject;
  query?: z.ZodObject;
  /** For the document; `run` reads them. */
  requestHeaders?: z.ZodObject;
  body?: z.ZodType;
  /** Bodies that `run` reads itself, by media type; for the document. */
  bodyTypes?: Record<string, z.ZodType>;
  /** Media type of the body; JSON by default. */
  bodyType?: string;
  /** Reads the body; by default JSON of any size that images need, and none counts as `{}`. */
  readBody?(context: Context): RequestHandler;
  /** Middleware between the access check and the body. */
  before?(context: Context): RequestHandler[];
  /** Successful responses by status. */
  responses: Record<number, ResponseDescription>;
  /** Headers that any response may carry. */
  responseHeaders?: Record<string, HeaderDescription>;
  /** Error codes, besides those of `access`, of an invalid request, and of a bug. */
  codes?: ErrorCode[];
  /**
   * Receives what the schemas let through. What it returns is the JSON of 200; `undefined` when it has written the
   * response itself.
   */
  run(context: Context, input: never, res: Response): unknown;
}

/** Path parameters, query and body as their schemas return them. */
export interface Input<P extends z.ZodObject, Q extends z.ZodObject, B extends z.ZodType> {
  params: z.output<P>;
  query: z.output<Q>;
  body: z.output<B>;
}

/** An operation whose `run` receives what its schemas let through. */
export interface TypedOperation<Context, P extends z.ZodObject, Q extends z.ZodObject, B extends z.ZodType>
  extends Omit<Operation<Context>, 'run'> {
  params?: P;
  query?: Q;
  body?: B;
  run(context: Context, input: Input<P, Q, B>, res: Response): unknown;
}

/** Infers the input of `run` from the schemas of an operation on `Context`. */
export function operationOn<Context>() {
  return <P extends z.ZodObject, Q extends z.ZodObject, B extends z.ZodType = z.ZodObject>(
    operation: TypedOperation<Context, P, Q, B>,
  ): Operation<Context> => operation;
}

/** A redirect of a browser to another page. */
export function redirectTo(description: string): ResponseDescription {
  return {
    description,
    types: { 'text/html': null, 'text/plain': 'See Other. Redirecting to /inspector' },
    headers: { Location: { description: 'The page.', required: true, example: '/inspector' } },
  };
}
