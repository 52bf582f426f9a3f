import { randomBytes } from 'node:crypto';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { z } from 'zod';
import { GatewayError } from '../../actors/errors.ts';
import type { AiBackend, AiRequest, Scheduler } from '../../actors/ports.ts';
import { BoundedFetchError, boundedFetch } from '../bounded-fetch.ts';
import { guardedLookup, isForbiddenLiteral, type Lookup } from '../guarded-lookup.ts';
import { isMetadata } from '../metadata-addresses.ts';

const MAX_ANSWER_BYTES = 1024 * 1024;
const MAX_REPLY_LENGTH = 65_536;
/** Below the 5 s after which most servers close an idle socket: a request on a closing one would be lost. */
const IDLE_SOCKET_MS = 4_000;

/** Only the reply counts; anything that is not a string counts as none. */
const answerSchema = z.object({ reply: z.string().nullish().catch(null) });

/** Whom the backend asks by default, and within which limits. */
export interface HttpAiBackendOptions {
  /** Base of agents without an URL of their own, with no slash at its end (`AI_BACKEND_URL`). */
  baseUrl: string | undefined;
  /** From connecting to the last byte (`AI_TIMEOUT_MS`). */
  timeoutMs: number;
  /** Whose milliseconds they are; the host's by default. */
  clock?: Scheduler;
  /** Resolves host names; the system's by default. */
  lookup?: Lookup;
}

/**
 * The AI backend over HTTP (SPEC §7): one POST with one deadline, never retried, never redirected.
 * Its errors tell neither the address nor the key.
 */
export class HttpAiBackend implements AiBackend {
  readonly #options: HttpAiBackendOptions;
  readonly #lookup: Lookup;
  readonly #agent = {
    http: new HttpAgent({ keepAlive: true, timeout: IDLE_SOCKET_MS }),
    https: new HttpsAgent({ keepAlive: true, timeout: IDLE_SOCKET_MS }),
  };

  constructor(options: HttpAiBackendOptions) {
    this.#options = options;
    // An own AI on a private address is normal; cloud metadata and link-local never are.
    this.#lookup = guardedLookup(isMetadata, options.lookup);
  }

  /** @see AiBackend.ask */
  async ask(
    agent: { agentId: string; apiKey: string; endpointUrl: string | null },
    request: AiRequest,
    { traceId, signal }: { traceId: string; signal: AbortSignal },
  ): Promise<string | null> {
    const url = endpointOf(agent, this.#options.baseUrl);
    const answer = await boundedFetch(url, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${agent.apiKey}`,
        'content-type': 'application/json',
        accept: 'application/json',
        traceparent: `00-${traceId}-${randomBytes(8).toString('hex')}-01`,
      },
      body: JSON.stringify(request),
      agent: this.#agent,
      lookup: this.#lookup,
      deadlineMs: this.#options.timeoutMs,
      clock: this.#options.clock,
      maxBytes: MAX_ANSWER_BYTES,
      signal,
    }).catch((error: unknown) => {
      throw toAiError(error);
    });
    if (answer.status < 200 || answer.status > 299)
      throw downstream(`The AI backend answered ${answer.status}.`);
    return readReply(answer.body);
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
  if (!text) throw downstream('No AI backend is configured: set AI_BACKEND_URL or the agent’s own URL.');
  if (!URL.canParse(text)) throw downstream('The URL of the AI backend can’t be read.');
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw downstream('The URL of the AI backend is neither http nor https.');
  if (url.username || url.password)
    throw downstream('The URL of the AI backend holds credentials; it may not.');
  if (isForbiddenLiteral(url, isMetadata))
    throw downstream('The URL of the AI backend leads to a link-local or metadata address.');
  return url;
}

/** The reply as text that may be sent; null when there is none. */
function readReply(body: Buffer): string | null {
  const parsed = answerSchema.safeParse(parseJson(body));
  if (!parsed.success) throw downstream('The AI backend did not answer with a JSON object.');
  const text = (parsed.data.reply ?? '')
    .replace(/[^\P{Cc}\n\t]/gu, '')
    .slice(0, MAX_REPLY_LENGTH)
    // The cut may have halved a surrogate pair.
    .replace(/[\uD800-\uDBFF]$/, '');
  return text.trim() === '' ? null : text;
}

/** The value of a JSON text, or undefined when it is none. */
function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

/** Why there was no answer, in words that hold neither address nor key. */
function toAiError(error: unknown): GatewayError {
  const fault = error instanceof BoundedFetchError ? error.fault : 'failed';
  if (fault === 'timeout')
    return new GatewayError('AI_TIMEOUT', 'The AI backend took too long.', { cause: error });
  if (fault === 'too_large') return downstream('The AI backend’s answer is over 1 MB.', error);
  if (fault === 'cancelled') return downstream('The call to the AI backend was cancelled.', error);
  return downstream('The AI backend could not be reached.', error);
}

/** An `AI_DOWNSTREAM_ERROR` of the given words. */
function downstream(message: string, cause?: unknown): GatewayError {
  return new GatewayError('AI_DOWNSTREAM_ERROR', message, { cause });
}
