import type { EventEmitter } from 'eventemitter3';
import type { AgentView, MailboxView, QrView, TransitionRecord } from './agent-view.ts';
import type { ChartGraph, MachineName, NextTransition } from './chart-graph.ts';
import type { Command, Reply } from './commands.ts';
import type { GatewayEvents } from './gateway-events.ts';
import type { WebAuthnJson } from './ports/whatsapp.ts';

/**
 * All agents, by agentId. What changes an agent or waits for it is a command; the other methods read what is known at
 * this moment. Only `GatewayError` is thrown; a read of an unknown agent throws `SESSION_NOT_FOUND`.
 */
export interface GatewayApi {
  /** For watchers alone: nothing depends on them. */
  readonly events: EventEmitter<GatewayEvents>;
  /** Charts of the running machines. */
  readonly charts: Record<MachineName, ChartGraph>;

  /** Sends an agent a command and resolves with its reply. The codes it rejects with are those of `CommandReplies`. */
  ask<C extends Command>(agentId: string, command: C): Promise<Reply<C>>;

  list(): AgentView[];
  describe(agentId: string): AgentView;
  /** The mailbox alone: for the headers of every answer. */
  mailbox(agentId: string): MailboxView;
  /** `SESSION_NOT_READY` when there is none to scan. */
  qr(agentId: string): QrView;
  /** What a passkey has to sign. `SESSION_NOT_READY` when none is awaited, or its challenge is not there yet. */
  passkey(agentId: string): WebAuthnJson;
  /** The newest transitions, oldest first. */
  history(agentId: string): TransitionRecord[];
  /** The possible next transitions of each machine. */
  next(agentId: string): Record<MachineName, NextTransition[]>;
  /** User and key of an agent, for authentication alone; undefined for an unknown agent. */
  credentials(agentId: string): { userId: number; apiKey: string } | undefined;

  /** Registers every agent of the database; those with saved credentials connect in the background. */
  restore(): Promise<void>;
  /** Refuses new work, lets what is in flight finish or keeps it, and closes every client, within `graceMs`. */
  stop(graceMs: number): Promise<void>;
}
