import type { ChatMessage } from '../../src/sandbox/network/types.ts';
import { type ApiAnswer, callApi } from './api.ts';
import { eventually } from './eventually.ts';
import { BEARER } from './fixtures.ts';
import { connected, createAgent, linkAgent } from './link-agent.ts';

/** A message of the simulated network, as its control API shows it. */
type NetworkMessage = Pick<ChatMessage, 'fromMe' | 'ack' | 'body' | 'location' | 'contacts' | 'poll'>;

/** The words of a message: its text or caption, or the name of what it shows. */
function wordsOf({ body, location, contacts, poll }: NetworkMessage): string {
  return body || location?.name || contacts?.[0]?.name.formatted_name || poll?.name || '';
}

/** Calls a service on the simulated network, and asks the network for its messages. */
export abstract class SandboxApi {
  abstract readonly url: string;

  /** Calls the API with the key that all agents share. */
  call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
    return callApi(this.url, method, path, body, { ...BEARER, ...headers });
  }

  /** Accepts a text, or the content of another kind, without waiting for it to be sent. */
  accept(agentId: string, to: string, message: string | object): Promise<ApiAnswer> {
    const content = typeof message === 'string' ? { message } : message;
    return this.call('POST', `/agents/${agentId}/messages`, { to, ...content }, { prefer: 'respond-async' });
  }

  /** Creates an agent; the answer has the QR. */
  createAgent(agentId: string): Promise<ApiAnswer> {
    return createAgent(this.url, agentId);
  }

  /** Creates an agent, scans its QR, and waits until it is connected. */
  async link(agentId: string, number: string): Promise<void> {
    const scan = (qr: string) => this.call('POST', `/sandbox/phones/${agentId}/scan`, { number, qr });
    await linkAgent({ url: this.url, network: { scan } }, agentId, number);
  }

  /** Waits until an agent is connected. */
  connected(agentId: string): Promise<void> {
    return connected(this.url, agentId);
  }

  /** Delays each send of an agent on its way to WhatsApp. */
  async delaySends(agentId: string, latencyMs: number): Promise<void> {
    await this.call('POST', `/sandbox/phones/${agentId}/network`, { latencyMs });
  }

  /** The words of the messages that an agent sent to a chat, in order. */
  async sentTexts(agentId: string, chat: string): Promise<string[]> {
    const { body } = await this.call(
      'GET',
      `/sandbox/phones/${agentId}/messages?limit=1000&chat=${encodeURIComponent(chat)}`,
    );
    if (!Array.isArray(body)) return [];
    const messages = body as NetworkMessage[];
    return messages.filter(({ fromMe, ack }) => fromMe && ack >= 1).map(wordsOf);
  }

  /** Waits until every message has an outcome; returns the number of messages by status. */
  async settled(agentId: string, ids: readonly string[]): Promise<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const id of ids) {
      const status = await eventually(`message ${id} to have an outcome`, async () => {
        const { body } = await this.call('GET', `/agents/${agentId}/messages/${id}`);
        if (body.sentAt) return 'sent';
        return ['failed', 'unknown'].includes(String(body.status)) && String(body.status);
      });
      counts[status] = (counts[status] ?? 0) + 1;
    }
    return counts;
  }
}
