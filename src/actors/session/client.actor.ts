import { type EventObject, fromCallback } from 'xstate';
import type { AgentRef } from '../domain/identity.ts';
import type {
  Ack,
  Compatibility,
  InboundMessage,
  Me,
  Restriction,
  WebAuthnJson,
  WhatsAppClient,
  WhatsAppDriver,
} from '../domain/ports/whatsapp.ts';

/** What a client reports to the agent's machine. */
export type ClientEvent =
  | { type: 'client.qr'; code: string }
  | { type: 'client.authenticated' }
  | { type: 'client.loading'; percent: number }
  | { type: 'client.ready'; me: Me }
  | { type: 'client.auth_failure' }
  | { type: 'client.disconnected'; reason: string }
  | { type: 'client.state'; state: string }
  | { type: 'client.compatibility'; compatibility: Compatibility['compatibility'] }
  | { type: 'client.passkey'; challenge: WebAuthnJson | null }
  | { type: 'client.crashed'; cause: string }
  | { type: 'client.failed'; error: unknown };

/** Who gets a client, and what doesn't go through the machine: messages and acks are the hot path. */
export interface ClientOwner {
  readonly agent: AgentRef;
  readonly driver: WhatsAppDriver;
  attach(client: WhatsAppClient | null): void;
  onMessage(message: InboundMessage): void;
  onAck(ack: Ack): void;
  onCompatibility(report: Compatibility): void;
  onRestriction(restriction: Restriction | null): void;
  /** Messages reached the page and were not reported. */
  onUnreported(count: number): void;
}

/**
 * One client's life: made and started when the actor starts, destroyed when it is stopped. After that no event
 * of this generation reaches the agent.
 */
export const clientActor = fromCallback<EventObject, ClientOwner>(({ input: owner, sendBack }) => {
  const client = owner.driver.create(owner.agent);
  let current = true;
  const tell = (event: ClientEvent) => {
    if (current) sendBack(event);
  };
  client.events
    .on('qr', (code) => tell({ type: 'client.qr', code }))
    .on('authenticated', () => tell({ type: 'client.authenticated' }))
    .on('loading', (percent) => tell({ type: 'client.loading', percent }))
    .on('ready', (me) => tell({ type: 'client.ready', me }))
    .on('auth_failure', () => tell({ type: 'client.auth_failure' }))
    .on('disconnected', (reason) => tell({ type: 'client.disconnected', reason }))
    .on('state', (state) => tell({ type: 'client.state', state }))
    .on('crash', (cause) => tell({ type: 'client.crashed', cause }))
    .on('compatibility', (report) => {
      if (!current) return;
      owner.onCompatibility(report);
      tell({ type: 'client.compatibility', compatibility: report.compatibility });
    })
    .on('passkey', (challenge) => tell({ type: 'client.passkey', challenge }))
    .on('restriction', (restriction) => owner.onRestriction(restriction))
    .on('unreported', (count) => owner.onUnreported(count))
    .on('message', (message) => owner.onMessage(message))
    .on('ack', (ack) => owner.onAck(ack));
  owner.attach(client);
  client.start().catch((error: unknown) => tell({ type: 'client.failed', error }));
  return () => {
    current = false;
    client.events.removeAllListeners();
    owner.attach(null);
    // Never rejects; the machine has awaited it already, unless the agent is being stopped at once.
    void client.destroy();
  };
});
