import { createHash } from 'node:crypto';
import type { Request, Response } from 'express';
import type { Logger } from 'pino';
import { TEXTS } from '../../actors/domain/error-texts.ts';
import { type ErrorCode, GatewayError } from '../../actors/domain/errors.ts';
import { keyHeader } from '../openapi/request-schemas.ts';
import type { HeldKey, HttpObserver, IdempotencyStore, IdempotentAnswer } from '../ports.ts';
import { type Answer, sendAnswer } from '../resource.ts';
import { agentOf } from './agent-auth.ts';
import { asProblem, type ProblemBody, problemBody, problemHeaders, statusOf } from './error-handler.ts';
import { parseWith } from './json-body.ts';
import { traceIdOf } from './trace.ts';

// Temporary refusals: nothing was accepted, and the same request may succeed later.
const TEMPORARY: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'SESSION_NOT_FOUND',
  'SESSION_NOT_READY',
  'RATE_LIMITED',
]);

/** JSON with the keys of every object in order, so that equal bodies have equal texts. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

/** True when a failure is kept as the answer; otherwise the key is free for another attempt. */
function isFinal(error: GatewayError): boolean {
  if (error.details?.outcome === 'unknown' || error.code === 'INTERNAL') return true;
  return statusOf(error) < 500 && !TEMPORARY.has(error.code);
}

/** An error as a stored answer. */
function asAnswer(error: GatewayError, traceId: string): IdempotentAnswer {
  return { status: statusOf(error), headers: problemHeaders(error), body: problemBody(error, traceId) };
}

/** Replays a stored answer; an error gets the trace id of this request, not of the first. */
function replay(res: Response, kept: IdempotentAnswer): void {
  const isProblem = kept.status >= 400;
  const body = isProblem
    ? { error: { ...(kept.body as ProblemBody).error, traceId: traceIdOf(res) } }
    : kept.body;
  sendAnswer(res, { ...kept, body, headers: { ...kept.headers, 'Idempotent-Replayed': 'true' } });
}

/** How a request is answered, the first time and after a crash. */
interface Work {
  /** Runs the request; its message is stored under `storedId`, where that is given. */
  work(storedId?: string): Promise<Answer>;
  /** Answers from the stored message of that id. */
  resume(storedId: string): Promise<Answer>;
}

interface Dependencies {
  idempotency: IdempotencyStore;
  logger: Logger;
  observer?: HttpObserver;
}

/**
 * Runs a send at most once per `Idempotency-Key`, if it has one. `body` is the validated body: two spellings of one
 * number are one body.
 *
 * - `work` stores its message under the given id. When the process dies after that, a repeated request is answered by
 *   `resume`, with the status of that message.
 * - A failure that surely sent nothing frees the key; one with an unknown outcome keeps it.
 * - An answer that can't be stored is sent all the same, and stored when the database is available again.
 *
 * Errors: `INVALID_PAYLOAD` (the key), `IDEMPOTENCY_CONFLICT` (409 in flight, 422 another body), and `work`'s.
 */
export function createOnce({ idempotency, logger, observer }: Dependencies) {
  /** Releases or keeps the key of a failed request; never rejects, so that the caller gets the failure itself. */
  async function conclude(key: HeldKey, thrown: unknown, traceId: string): Promise<void> {
    const error = asProblem(thrown);
    try {
      if (isFinal(error)) await idempotency.complete(key, asAnswer(error, traceId));
      else await idempotency.abandon(key);
    } catch (err) {
      logger.warn({ event: 'idempotency.lost', traceId, err });
    }
  }

  /** Runs the work under a key that this request holds. */
  async function first(key: HeldKey, traceId: string, work: () => Promise<Answer>): Promise<Answer> {
    let answer: Answer;
    try {
      answer = await work();
    } catch (thrown) {
      await conclude(key, thrown, traceId);
      throw thrown;
    }
    try {
      await idempotency.complete(key, { ...answer, headers: answer.headers ?? {} });
    } catch (err) {
      logger.warn({ event: 'idempotency.lost', traceId, err });
    }
    return answer;
  }

  /** Answers a repeat of a request that a crash cut off. Not stored: a later repeat gets the message's newer status. */
  async function again(key: HeldKey, traceId: string, resume: () => Promise<Answer>): Promise<Answer> {
    try {
      return await resume();
    } catch (thrown) {
      // Only the outcome of the message concludes the key; failing to read it does not.
      if (asProblem(thrown).details?.outcome) await conclude(key, thrown, traceId);
      throw thrown;
    }
  }

  return async function once(
    req: Request,
    res: Response,
    operation: string,
    body: unknown,
    { work, resume }: Work,
  ): Promise<void> {
    const header = req.get('Idempotency-Key');
    if (header === undefined) return sendAnswer(res, await work());
    const { 'Idempotency-Key': text } = parseWith(keyHeader, { 'Idempotency-Key': header });
    const bodyHash = createHash('sha256').update(canonicalJson(body)).digest('hex');
    const { userId, agentId } = agentOf(res);
    const key = { userId, agentId, operation, key: text, bodyHash };
    const known = await idempotency.begin(key);
    const isReplay = known.state === 'done' || known.state === 'cut_off';
    observer?.onIdempotency(isReplay ? 'replayed' : known.state);
    if (known.state === 'done') return replay(res, known.answer);
    if (known.state === 'in_flight') {
      throw new GatewayError('IDEMPOTENCY_CONFLICT', TEXTS.IDEMPOTENCY_CONFLICT.inFlight, {
        details: { retryAfterSeconds: 1 },
      });
    }
    if (known.state === 'mismatch') {
      throw new GatewayError('IDEMPOTENCY_CONFLICT', TEXTS.IDEMPOTENCY_CONFLICT.otherBody, {
        details: { mismatch: true },
      });
    }
    if (known.state === 'cut_off') {
      res.set('Idempotent-Replayed', 'true');
      return sendAnswer(
        res,
        await again({ ...key, storedId: known.storedId }, traceIdOf(res), () => resume(known.storedId)),
      );
    }
    sendAnswer(
      res,
      await first({ ...key, storedId: known.storedId }, traceIdOf(res), () => work(known.storedId)),
    );
  };
}

export type Once = ReturnType<typeof createOnce>;
