import type { Jid } from '../identity.ts';

/** The body of `/run` as the AI backend receives it; further fields of the caller pass through. */
export interface AiRequest {
  message: string;
  sessionId: Jid;
  metadata?: Record<string, unknown>;
  [field: string]: unknown;
}

/** The backend that writes the replies. */
export interface AiBackend {
  /**
   * Asks for a reply; null when the backend has none. A request that may have been processed is not retried.
   * @throws GatewayError `AI_TIMEOUT` or `AI_DOWNSTREAM_ERROR`.
   */
  ask(
    agent: { agentId: string; apiKey: string; endpointUrl: string | null },
    request: AiRequest,
    options: { traceId: string; signal: AbortSignal },
  ): Promise<string | null>;
}
