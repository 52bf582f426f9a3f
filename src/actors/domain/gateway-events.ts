import type { MailboxView, PasskeyView, QrView, RestrictionView, TransitionRecord } from './agent-view.ts';
import type { ChatMode } from './chats.ts';
import type { Jid } from './identity.ts';
import type { ContentKind } from './message-content.ts';
import type { EpochMs } from './ports/clock.ts';
import type { MessageStatus, OutgoingMessage, SessionState, StoredMessage } from './ports/stores.ts';
import type { Transcription } from './ports/transcriber.ts';
import type { Compatibility } from './ports/whatsapp.ts';

/** Events for watchers: the log, the metrics and the event streams. */
export interface GatewayEvents {
  transition: (agentId: string, record: TransitionRecord) => void;
  state: (change: {
    agentId: string;
    from: SessionState | null;
    to: SessionState;
    reason: string | null;
    at: EpochMs;
    heldMs: number;
    /** Of the request that caused it; absent when none did. */
    traceId?: string;
  }) => void;
  qr: (change: { agentId: string; qr: QrView | null; traceId?: string }) => void;
  /** A passkey is awaited, its challenge is known, or (null) neither any more. */
  passkey: (change: { agentId: string; passkey: PasskeyView | null }) => void;
  /** The result of the self-check has changed; null: no page is known any more. */
  compatibility: (change: { agentId: string; report: Compatibility | null }) => void;
  restriction: (change: { agentId: string; restriction: RestrictionView | null }) => void;
  /** Messages reached the agent's page and were not reported by its driver. */
  unreported: (loss: { agentId: string; count: number }) => void;
  mailbox: (change: { agentId: string; mailbox: MailboxView }) => void;
  message: (change: {
    agentId: string;
    id: string;
    kind: ContentKind;
    origin: OutgoingMessage['origin'];
    status: MessageStatus;
    error?: string;
    traceId: string;
    /** Since its acceptance, when it is handed over and when it has its outcome. */
    waitedMs?: number;
  }) => void;
  /** A sent message was delivered, read or played, as the row says now. */
  receipt: (receipt: {
    agentId: string;
    ack: 'delivered' | 'read' | 'played';
    message: StoredMessage;
  }) => void;
  /** A message was refused before it was stored. */
  rejected: (rejection: {
    agentId: string;
    reason: 'full' | 'not_ready' | 'draining';
    traceId: string;
  }) => void;
  inbound: (message: {
    agentId: string;
    type: string;
    /** `handed_over`: a person has the chat, or it is closed; `why` says which. */
    handled: 'answered' | 'ignored' | 'handed_over' | 'duplicate' | 'looping' | 'failed';
    why: string;
    traceId: string;
  }) => void;
  /** A turn of a chat began, waits for something else, or has ended. */
  turns: (change: { agentId: string }) => void;
  /**
   * A chat has another mode, or a mode lasts longer: a person wrote, the AI handed it over, a caller set it, or its time
   * has passed.
   */
  chatMode: (change: {
    agentId: string;
    chatId: Jid;
    from: ChatMode;
    mode: ChatMode;
    since: EpochMs;
    /** Null: until a caller changes it. */
    until: EpochMs | null;
    cause: 'person' | 'ai' | 'api' | 'expired';
    traceId?: string;
  }) => void;
  /** A caller changed settings of an agent: these. */
  settings: (change: { agentId: string; names: string[]; traceId: string }) => void;
  ai: (call: {
    agentId: string;
    outcome: 'reply' | 'silence' | 'timeout' | 'error';
    durationMs: number;
    traceId: string;
  }) => void;
  /** A recording was turned into text, or not; `httpStatus` is that of a service that refused. */
  transcription: (call: {
    agentId: string;
    outcome: Transcription['status'];
    reason?: Exclude<Transcription, { status: 'completed' }>['reason'];
    httpStatus?: number;
    durationMs: number;
    traceId: string;
  }) => void;
  operation: (call: {
    agentId: string;
    operation: string;
    outcome: 'ok' | 'error' | 'timeout';
    durationMs: number;
  }) => void;
  restart: (restart: { agentId: string; reason: string; attempt: number; delayMs: number }) => void;
  /** Many agents fail for one reason, so that one at a time is started; or no longer. */
  fleet: (change: { state: 'fault' | 'recovered'; reason: string; agents?: number }) => void;
  /** An error without a caller: of an actor, a watcher or a store. */
  fault: (fault: { agentId: string | null; where: string; error: unknown }) => void;
  added: (agentId: string, traceId?: string) => void;
  removed: (agentId: string, traceId?: string) => void;
}
