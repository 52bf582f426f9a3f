import { type ApiAnswer, callApi } from './api.ts';
import { eventually } from './eventually.ts';

const KEY = 'key-of-user-1';

/** A message as the simulated network keeps it. */
interface NetworkMessage {
  fromMe: boolean;
  body: string;
  ack: number;
}

/** Calls a service on the simulated network, wherever and however it runs, and asks the network what came through. */
export abstract class SandboxApi {
  abstract readonly url: string;

  /** Calls the API with the key of all agents. */
  call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
    return callApi(this.url, method, path, body, { authorization: `Bearer ${KEY}`, ...headers });
  }

  /** Hands a text in, to be sent later. */
  accept(agentId: string, to: string, message: string): Promise<ApiAnswer> {
    return this.call('POST', `/agents/${agentId}/messages`, { to, message }, { prefer: 'respond-async' });
  }

  /** Creates an agent; gives the answer, which has the QR. */
  createAgent(agentId: string): Promise<ApiAnswer> {
    return this.call('POST', '/sessions', { userId: 1, agentId, agentName: agentId, apikey: KEY });
  }

  /** Creates an agent, scans its QR, and waits until it is connected. */
  async link(agentId: string, number: string): Promise<void> {
    await this.createAgent(agentId);
    await this.call('POST', `/sandbox/phones/${agentId}/scan`, { number });
    await this.connected(agentId);
  }

  async connected(agentId: string): Promise<void> {
    await eventually(`${agentId} to be connected`, async () => {
      // A kept connection may be closed by the other side in the moment of its use: asked again.
      const answer = await this.call('GET', `/sessions/${agentId}`).catch(() => null);
      return answer?.body.status === 'connected';
    });
  }

  /** Sets how long the simulated WhatsApp takes for each send of an agent. */
  async delaySends(agentId: string, latencyMs: number): Promise<void> {
    await this.call('POST', `/sandbox/phones/${agentId}/network`, { latencyMs });
  }

  /** The texts that WhatsApp took from an agent for a chat, in order. */
  async sentTexts(agentId: string, chat: string): Promise<string[]> {
    const { body } = await this.call(
      'GET',
      `/sandbox/phones/${agentId}/messages?limit=1000&chat=${encodeURIComponent(chat)}`,
    );
    if (!Array.isArray(body)) return [];
    const messages = body as NetworkMessage[];
    return messages.filter(({ fromMe, ack }) => fromMe && ack >= 1).map((message) => message.body);
  }

  /** Waits until every message of these ids is settled; gives how many ended in which status. */
  async settled(agentId: string, ids: readonly string[]): Promise<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const id of ids) {
      const status = await eventually(`message ${id} to be settled`, async () => {
        const { body } = await this.call('GET', `/agents/${agentId}/messages/${id}`);
        return ['sent', 'failed', 'unknown'].includes(String(body.status)) && String(body.status);
      });
      counts[status] = (counts[status] ?? 0) + 1;
    }
    return counts;
  }
}
