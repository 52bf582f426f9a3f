import type { MailboxView, PasskeyView, QrView, RestrictionView, TransitionRecord } from './agent-view.ts';
import type { EpochMs } from './ports/clock.ts';
import type { MessageKind, MessageStatus, OutgoingMessage, SessionState } from './ports/stores.ts';
import type { Compatibility } from './ports/whatsapp.ts';

/** What the actors publish; metrics, log, database projection and inspector listen, nothing answers. */
export interface GatewayEvents {
  transition: (agentId: string, record: TransitionRecord) => void;
  state: (change: {
    agentId: string;
    from: SessionState | null;
    to: SessionState;
    reason: string | null;
    at: EpochMs;
    heldMs: number;
    /** Of the request that caused it; none for what happens by itself. */
    traceId?: string;
  }) => void;
  qr: (change: { agentId: string; qr: QrView | null; traceId?: string }) => void;
  /** A passkey is asked for, its challenge has come, or it is over. */
  passkey: (change: { agentId: string; passkey: PasskeyView | null }) => void;
  /** A self-check has another result than the one before; null: no page is known any more. */
  compatibility: (change: { agentId: string; report: Compatibility | null }) => void;
  restriction: (change: { agentId: string; restriction: RestrictionView | null }) => void;
  /** Messages reached the agent's page and were not reported by its driver. */
  unreported: (loss: { agentId: string; count: number }) => void;
  mailbox: (change: { agentId: string; mailbox: MailboxView }) => void;
  message: (change: {
    agentId: string;
    id: string;
    kind: MessageKind;
    origin: OutgoingMessage['origin'];
    status: MessageStatus;
    error?: string;
    traceId: string;
    /** From acceptance to this moment, when it is handed over and when it is settled. */
    waitedMs?: number;
    /** The stored image of a settled message: nobody needs it any more. */
    file?: string;
  }) => void;
  /** A message was refused before it was stored: once for each, where it is refused. */
  rejected: (rejection: {
    agentId: string;
    reason: 'full' | 'not_ready' | 'draining';
    traceId: string;
  }) => void;
  inbound: (message: {
    agentId: string;
    type: string;
    handled: 'answered' | 'ignored' | 'duplicate' | 'looping' | 'failed';
    why: string;
    traceId: string;
  }) => void;
  ai: (call: {
    agentId: string;
    outcome: 'reply' | 'silence' | 'timeout' | 'error';
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
  /** Many agents end alike, and one at a time is tried; or that is over. */
  fleet: (change: { state: 'fault' | 'recovered'; reason: string; agents?: number }) => void;
  /** An actor, a listener or a store failed where nobody waited for the answer. */
  fault: (fault: { agentId: string | null; where: string; error: unknown }) => void;
  added: (agentId: string, traceId?: string) => void;
  removed: (agentId: string, traceId?: string) => void;
}
