import { type EventObject, fromCallback } from 'xstate';
import type { Compatibility, Me, WebAuthnJson, WhatsAppClient } from '../domain/ports/whatsapp.ts';

/** What a client reports to the session chart. */
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

/** Creates the client of a session, and takes its event listeners off at the end. */
interface ClientSource {
  createClient(): WhatsAppClient;
  releaseClient(): void;
}

/**
 * One client's life: created and started with the actor, destroyed when the actor is stopped. After that no event of
 * this client reaches the agent.
 */
export const clientActor = fromCallback<EventObject, ClientSource>(({ input, sendBack }) => {
  const client = input.createClient();
  let isCurrent = true;
  const report = (event: ClientEvent) => {
    if (isCurrent) sendBack(event);
  };
  client.events
    .on('qr', (code) => report({ type: 'client.qr', code }))
    .on('authenticated', () => report({ type: 'client.authenticated' }))
    .on('loading', (percent) => report({ type: 'client.loading', percent }))
    .on('ready', (me) => report({ type: 'client.ready', me }))
    .on('auth_failure', () => report({ type: 'client.auth_failure' }))
    .on('disconnected', (reason) => report({ type: 'client.disconnected', reason }))
    .on('state', (state) => report({ type: 'client.state', state }))
    .on('compatibility', ({ compatibility }) => report({ type: 'client.compatibility', compatibility }))
    .on('passkey', (challenge) => report({ type: 'client.passkey', challenge }))
    .on('crash', (cause) => report({ type: 'client.crashed', cause }));
  client.start().catch((error: unknown) => report({ type: 'client.failed', error }));
  return () => {
    isCurrent = false;
    input.releaseClient();
    // Never rejects; the chart has awaited it already, unless the agent is stopped at once.
    void client.destroy();
  };
});
