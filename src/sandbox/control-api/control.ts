import type { Response } from 'express';
import type { z } from 'zod';
import { type ErrorCode, GatewayError } from '../../actors/domain/errors.ts';
import type { Operation } from '../../http/ports.ts';
import type { SandboxNetwork } from '../network/network.ts';
import type { SandboxAgents } from '../network/phones.ts';
import { type RefusalReason, SandboxRefusal } from '../network/types.ts';

/** What the control API works on. */
export interface Control {
  network: SandboxNetwork;
  agents: SandboxAgents;
  /** Aborted when the service begins to stop: streams end. */
  stopping?: AbortSignal;
  /** Forgets which incoming messages were handled: after a reset the same ids come again. */
  forgetInbound(): Promise<void>;
}

/** An operation of the control API; what `run` gets is what its schemas let through. */
interface Described<P extends z.ZodObject, Q extends z.ZodObject, B extends z.ZodType>
  extends Omit<Operation<Control>, 'run'> {
  params?: P;
  query?: Q;
  body?: B;
  run(control: Control, input: z.output<P> & z.output<Q> & z.output<B>, res: Response): unknown;
}

const REFUSALS: Record<RefusalReason, ErrorCode> = {
  EXPIRED_REF: 'SESSION_NOT_READY',
  ALREADY_SCANNED: 'SESSION_NOT_READY',
  UNKNOWN_REF: 'NOT_FOUND',
  UNKNOWN_CHAT: 'NOT_FOUND',
  UNKNOWN_QUOTE: 'NOT_FOUND',
  UNKNOWN_MESSAGE: 'NOT_FOUND',
  WRONG_CODE: 'NOT_FOUND',
  WRONG_PASSKEY: 'SESSION_NOT_READY',
  DUPLICATE_ID: 'IDEMPOTENCY_CONFLICT',
  NOT_OPEN: 'SESSION_NOT_READY',
  CLOSED: 'SESSION_NOT_READY',
};

/** A refusal of the network as an answer: 404 or 409 with `details.reason`. */
function asProblem(thrown: unknown): unknown {
  if (!(thrown instanceof SandboxRefusal)) return thrown;
  const { reason, message } = thrown;
  return new GatewayError(REFUSALS[reason], message, { cause: thrown, details: { reason } });
}

/** Makes an operation, with the network's refusals in the words of the contract. */
export function operation<
  P extends z.ZodObject = z.ZodObject,
  Q extends z.ZodObject = z.ZodObject,
  B extends z.ZodType = z.ZodObject,
>(described: Described<P, Q, B>): Operation<Control> {
  return {
    ...described,
    run: async (control, input, res) => {
      try {
        return await described.run(control, input, res);
      } catch (thrown) {
        throw asProblem(thrown);
      }
    },
  };
}
