import { isUtf8 } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { TEXTS } from '../../actors/domain/error-texts.ts';
import { GatewayError } from '../../actors/domain/errors.ts';
import type { AiAnswer, AiBackend, AiRequest } from '../../actors/domain/ports/ai.ts';
import type { Scheduler } from '../../actors/domain/ports/clock.ts';
import { pause } from '../../actors/domain/timeout.ts';
import type { ToJid } from '../content-schemas.ts';
import { HOST_CLOCK } from '../host-clock.ts';
import { type BoundedAnswer, BoundedFetchError, boundedFetch, readWhole } from '../net/bounded-fetch.ts';
import {
  BlockedAddressError,
  guardedLookup,
  isForbiddenLiteral,
  type Lookup,
} from '../net/guarded-lookup.ts';
import { isMetadata } from '../net/metadata-addresses.ts';
import { answerReader, type ReadAnswer } from './ai-answer.ts';

const MAX_ANSWER_BYTES = 1024 * 1024;
/**
 * Well below the second after which the hastiest servers close an idle socket: a request on a closing one is lost,
 * and may not be repeated. Shorter times that a server announces are kept by the agents.
 */
const IDLE_SOCKET_MS = 500;
/** Before a request that found no connection is tried once more: time for a server that is being restarted. */
const SECOND_TRY_MS = 500;

/** Whom the backend asks by default, and within which limits. */
export interface HttpAiBackendOptions {
  /** Base of agents without an URL of their own, with no slash at its end (`AI_BACKEND_URL`). */
  baseUrl: string | undefined;
  /** From connecting to the last byte (`AI_TIMEOUT_MS`). */
  timeoutMs: number;
  /** Normalises the numbers in answers; throws on anything else. */
  toJid: ToJid;
  /** Whose milliseconds they are; the host's by default. */
  clock?: Scheduler;
  /** Resolves host names; the system's by default. */
  lookup?: Lookup;
}

/**
 * The AI backend over HTTP: one POST with one deadline, never redirected. It is tried once more only when no connection
 * came about: what may have arrived is never repeated. Its errors contain neither the address nor the key.
 */
export class HttpAiBackend implements AiBackend {
  readonly #options: HttpAiBackendOptions;
  readonly #lookup: Lookup;
  readonly #read: ReadAnswer;
  readonly #agent = {
    http: new HttpAgent({ keepAlive: true, timeout: IDLE_SOCKET_MS }),
    https: new HttpsAgent({ keepAlive: true, timeout: IDLE_SOCKET_MS }),
  };

  constructor(options: HttpAiBackendOptions) {
    this.#options = options;
    this.#read = answerReader(options.toJid);
    // An own AI on a private address is normal; cloud metadata and link-local never are.
    this.#lookup = guardedLookup(isMetadata, options.lookup);
  }

  /** @see AiBackend.ask */
  async ask(
    agent: { agentId: string; apiKey: string; endpointUrl: string | null },
    request: AiRequest,
    { traceId, signal }: { traceId: string; signal: AbortSignal },
  ): Promise<AiAnswer> {
    const url = endpointOf(agent, this.#options.baseUrl);
    const headers = {
      authorization: `Bearer ${agent.apiKey}`,
      'content-type': 'application/json',
      accept: 'application/json',
      traceparent: `00-${traceId}-${randomBytes(8).toString('hex')}-01`,
    };
    const { status, body } = await this.#post(url, headers, JSON.stringify(request), signal);
    if (!body) throw downstream(TEXTS.AI_DOWNSTREAM_ERROR.status(status));
    return this.#read(parseAnswer(body));
  }

  /** Posts within the deadline; a request that surely did not arrive is tried once more. */
  async #post(
    url: URL,
    headers: Record<string, string>,
    body: string,
    signal: AbortSignal,
  ): Promise<BoundedAnswer<Buffer>> {
    const { clock = HOST_CLOCK, timeoutMs } = this.#options;
    const end = clock.monotonic() + timeoutMs;
    const attempt = () =>
      boundedFetch(
        url,
        {
          ...{ method: 'POST', headers, body, signal, clock },
          ...{ agent: this.#agent, lookup: this.#lookup, maxBytes: MAX_ANSWER_BYTES },
          deadlineMs: Math.max(1, end - clock.monotonic()),
        },
        readWhole,
      );
    try {
      return await attempt().catch(async (error: unknown) => {
        if (!isUndelivered(error)) throw error;
        await pause(clock, Math.min(SECOND_TRY_MS, end - clock.monotonic()), signal);
        return await attempt();
      });
    } catch (error) {
      throw toAiError(error);
    }
  }

  /** Closes the idle sockets; calls under way fail. */
  close(): void {
    this.#agent.http.destroy();
    this.#agent.https.destroy();
  }
}

/** The agent's own URL, else the one made from the base; refused when it could lead where no AI is. */
function endpointOf(agent: { agentId: string; endpointUrl: string | null }, baseUrl?: string): URL {
  const text = agent.endpointUrl || (baseUrl && `${baseUrl}/agents/${encodeURIComponent(agent.agentId)}/run`);
  if (!text) throw downstream(TEXTS.AI_DOWNSTREAM_ERROR.notConfigured);
  if (!URL.canParse(text)) throw downstream(TEXTS.AI_DOWNSTREAM_ERROR.badUrl);
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw downstream(TEXTS.AI_DOWNSTREAM_ERROR.badUrl);
  if (url.username || url.password) throw downstream(TEXTS.AI_DOWNSTREAM_ERROR.credentials);
  if (isForbiddenLiteral(url, isMetadata)) throw downstream(TEXTS.AI_DOWNSTREAM_ERROR.forbiddenAddress);
  return url;
}

/** True when a request found no connection and another may: a forbidden address stays one. */
function isUndelivered(error: unknown): boolean {
  if (!(error instanceof BoundedFetchError) || error.fault !== 'failed') return false;
  return !error.mayHaveArrived && !(error.cause instanceof BlockedAddressError);
}

/** The value of an answer, all its texts such that they may be sent; an empty object for an empty answer. */
function parseAnswer(body: Buffer): unknown {
  if (!isUtf8(body)) throw downstream(TEXTS.AI_DOWNSTREAM_ERROR.notUtf8);
  // With the byte order mark, which counts as a blank.
  const json = body.toString('utf8').trim();
  if (json === '') return {};
  try {
    return JSON.parse(json, (_key, value: unknown) =>
      typeof value === 'string' ? wellFormed(value) : value,
    );
  } catch {
    throw downstream(TEXTS.AI_DOWNSTREAM_ERROR.noReply);
  }
}

/** A text without control characters other than tabs and line breaks, and without halves of surrogate pairs. */
function wellFormed(text: string): string {
  return text.replace(/\r\n?/g, '\n').replace(/(?![\n\t])[\p{Cc}\p{Cs}]/gu, '');
}

/** Why there was no answer, in words that hold neither address nor key. */
function toAiError(error: unknown): GatewayError {
  const fault = error instanceof BoundedFetchError ? error.fault : 'failed';
  if (fault === 'timeout') return new GatewayError('AI_TIMEOUT', TEXTS.AI_TIMEOUT.tooSlow, { cause: error });
  if (fault === 'too_large') return downstream(TEXTS.AI_DOWNSTREAM_ERROR.tooLarge, error);
  if (fault === 'cancelled') return downstream(TEXTS.AI_DOWNSTREAM_ERROR.cancelled, error);
  return downstream(TEXTS.AI_DOWNSTREAM_ERROR.unreachable, error);
}

/** An `AI_DOWNSTREAM_ERROR` of the given words. */
function downstream(message: string, cause?: unknown): GatewayError {
  return new GatewayError('AI_DOWNSTREAM_ERROR', message, { cause });
}
