import type { Jid } from '../identity.ts';
import type { ContentDraft } from '../message-content.ts';

/** The body of `/run` as the AI backend receives it; further fields of the caller pass through. */
export interface AiRequest {
  message: string;
  sessionId: Jid;
  metadata?: Record<string, unknown>;
  [field: string]: unknown;
}

/** How many messages are sent of one answer, besides its reply. */
export const MAX_ANSWER_MESSAGES = 10;

/** A message of an answer; its file is yet to be fetched, decoded or found. */
export interface AnswerMessage {
  content: ContentDraft;
  quoteId?: string;
}

/** What the AI answers; each part may be missing. */
export interface AiAnswer {
  /** Sent before the messages. */
  reply: string | null;
  /** In order, at most `MAX_ANSWER_MESSAGES`. */
  messages: AnswerMessage[];
  /** How many more messages there were. */
  dropped: number;
  /** The chat is handed over to a person, after these. */
  handoff: boolean;
}

/** The backend that writes the replies. */
export interface AiBackend {
  /**
   * Asks for an answer. A request that may have been processed is not retried.
   * @throws GatewayError `AI_TIMEOUT` or `AI_DOWNSTREAM_ERROR`; the latter with the `path` of what is not valid in the
   *   answer, in its details
   */
  ask(
    agent: { agentId: string; apiKey: string; endpointUrl: string | null },
    request: AiRequest,
    options: { traceId: string; signal: AbortSignal },
  ): Promise<AiAnswer>;
}
