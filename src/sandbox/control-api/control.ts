import type { Response } from 'express';
import { z } from 'zod';
import { type ErrorCode, GatewayError } from '../../actors/domain/errors.ts';
import type { Input, Operation } from '../../http/operation.ts';
import type { SandboxNetwork } from '../network/network.ts';
import { type RefusalReason, SandboxRefusal } from '../network/types.ts';
import type { SandboxAgents } from './phones.ts';

/** What the control API works on. */
export interface Control {
  network: SandboxNetwork;
  agents: SandboxAgents;
  /** Aborted when the service begins to stop: streams end. */
  stopping?: AbortSignal;
  /** Forgets which incoming messages were handled: a reset network reuses their ids. */
  forgetInbound(): Promise<void>;
}

/** An operation with one successful response, whose `run` receives params, query and body as one object. */
interface Described<P extends z.ZodObject, Q extends z.ZodObject, B extends z.ZodType>
  extends Omit<Operation<Control>, 'access' | 'responses' | 'run'> {
  params?: P;
  query?: Q;
  body?: B;
  /** JSON of a schema (`{ok: true}` where `run` returns nothing), or another media type, which `run` writes itself. */
  answer: { json: z.ZodType } | { type: string };
  /** Successful responses beside that of 200. */
  responses?: Operation<Control>['responses'];
  run(control: Control, input: z.output<P> & z.output<Q> & z.output<B>, res: Response): unknown;
}

/** Refuses unknown query parameters. */
const NO_QUERY = z.strictObject({});

const REFUSALS: Record<RefusalReason, ErrorCode> = {
  EXPIRED_REF: 'SESSION_NOT_READY',
  ALREADY_SCANNED: 'SESSION_NOT_READY',
  UNKNOWN_REF: 'NOT_FOUND',
  UNKNOWN_CHAT: 'NOT_FOUND',
  UNKNOWN_QUOTE: 'NOT_FOUND',
  UNKNOWN_MESSAGE: 'NOT_FOUND',
  NOT_OWN_MESSAGE: 'NOT_OWN_MESSAGE',
  NOT_EDITABLE: 'INVALID_PAYLOAD',
  UNKNOWN_OPTION: 'INVALID_PAYLOAD',
  TOO_LATE: 'TOO_LATE',
  WRONG_CODE: 'NOT_FOUND',
  WRONG_PASSKEY: 'SESSION_NOT_READY',
  DUPLICATE_ID: 'IDEMPOTENCY_CONFLICT',
  NOT_OPEN: 'SESSION_NOT_READY',
  CLOSED: 'SESSION_NOT_READY',
};

/** A refusal of the network as an error of the API, with `details.reason`; anything else as it is. */
function asApiError(thrown: unknown): unknown {
  if (!(thrown instanceof SandboxRefusal)) return thrown;
  const { reason, message } = thrown;
  return new GatewayError(REFUSALS[reason], message, { cause: thrown, details: { reason } });
}

/** Completes an operation for the control API's table. */
export function operation<
  P extends z.ZodObject = z.ZodObject,
  Q extends z.ZodObject = z.ZodObject,
  B extends z.ZodType = z.ZodObject,
>({ answer, run, query, responses, ...described }: Described<P, Q, B>): Operation<Control> {
  const response = 'json' in answer ? answer : { types: { [answer.type]: null } };
  return {
    ...described,
    access: 'operator',
    query: query ?? NO_QUERY,
    responses: { 200: { description: 'Done.', ...response }, ...responses },
    run: async (control, { params, query, body }: Input<P, Q, B>, res) => {
      try {
        const result = await run(control, { ...params, ...query, ...(body as object) } as never, res);
        return 'json' in answer ? (result ?? { ok: true }) : result;
      } catch (thrown) {
        throw asApiError(thrown);
      }
    },
  };
}
