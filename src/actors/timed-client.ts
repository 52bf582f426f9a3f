import { GatewayError } from './errors.ts';
import type { Clock, WhatsAppClient } from './ports.ts';
import type { GatewayEvents } from './protocol.ts';

type Operation = Omit<Parameters<GatewayEvents['operation']>[0], 'agentId'>;

/** The same client, telling how long each call took and how it ended: `wa_client_operation_duration_seconds`. */
export function timed(
  client: WhatsAppClient,
  clock: Clock,
  tell: (operation: Operation) => void,
): WhatsAppClient {
  /** Runs a call and tells of it. */
  async function time<T>(operation: string, call: () => Promise<T>): Promise<T> {
    const startedAt = clock.monotonic();
    const ended = (outcome: Operation['outcome']) =>
      tell({ operation, outcome, durationMs: clock.monotonic() - startedAt });
    try {
      const result = await call();
      ended('ok');
      return result;
    } catch (error) {
      // A call that can't tell whether it worked has run out of time, or lost its page.
      const unknown = error instanceof GatewayError && error.details?.outcome === 'unknown';
      ended(unknown ? 'timeout' : 'error');
      throw error;
    }
  }
  return {
    events: client.events,
    start: () => time('start', () => client.start()),
    logout: () => time('logout', () => client.logout()),
    destroy: () => time('destroy', () => client.destroy()),
    reload: () => time('reload', () => client.reload()),
    sendText: (...args) => time('send_text', () => client.sendText(...args)),
    sendImage: (...args) => time('send_image', () => client.sendImage(...args)),
    setTyping: (...args) => time('set_typing', () => client.setTyping(...args)),
    resolveRecipient: (...args) => time('resolve_recipient', () => client.resolveRecipient(...args)),
    probe: () => time('probe', () => client.probe()),
    findSent: (...args) => time('find_sent', () => client.findSent(...args)),
    fetchUnread: (...args) => time('fetch_unread', () => client.fetchUnread(...args)),
  };
}
