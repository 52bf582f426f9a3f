import type { WhatsAppClient, WhatsAppDriver } from '../../../actors/ports.ts';
import { SandboxClient, type SandboxDeadlines } from './client.ts';
import type { SandboxNetwork } from './network.ts';

/** WhatsApp as a simulation in this process. The network is not the driver's: it outlives it and is closed by its owner. */
export class SandboxDriver implements WhatsAppDriver {
  readonly name = 'sandbox';
  readonly #network: SandboxNetwork;
  readonly #deadlines: SandboxDeadlines;
  readonly #clients = new Set<SandboxClient>();

  constructor(network: SandboxNetwork, deadlines: Partial<SandboxDeadlines> = {}) {
    this.#network = network;
    this.#deadlines = { startMs: 30_000, callMs: 30_000, ...deadlines };
  }

  /** Nothing of a dead predecessor can be left: it was all in its process. */
  async prepare(): Promise<void> {}

  create(agentId: string): WhatsAppClient {
    const client = new SandboxClient(this.#network, agentId, this.#deadlines, () =>
      this.#clients.delete(client),
    );
    this.#clients.add(client);
    return client;
  }

  async hasCredentials(agentId: string): Promise<boolean> {
    return this.#network.savedToken(agentId) !== null;
  }

  async removeCredentials(agentId: string): Promise<void> {
    this.#network.forgetToken(agentId);
  }

  /** There is no process to measure. */
  async memory(): Promise<ReadonlyMap<string, number>> {
    return new Map();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#clients].map((client) => client.destroy()));
  }
}
