import type { AgentRef } from '../../actors/domain/identity.ts';
import type { WhatsAppClient, WhatsAppDriver } from '../../actors/domain/ports/whatsapp.ts';
import type { SandboxNetwork } from '../network/network.ts';
import { SandboxClient, type SandboxDeadlines } from './sandbox-client.ts';

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

  async adopt(agents: readonly AgentRef[]): Promise<void> {
    this.#network.tokens.adopt(agents);
  }

  create(agent: AgentRef): WhatsAppClient {
    const client = new SandboxClient(this.#network, agent, this.#deadlines, () =>
      this.#clients.delete(client),
    );
    this.#clients.add(client);
    return client;
  }

  async hasCredentials(agent: AgentRef): Promise<boolean> {
    return this.#network.tokens.of(agent) !== null;
  }

  async removeCredentials(agent: AgentRef): Promise<void> {
    this.#network.tokens.forget(agent);
  }

  /** There is no process to measure. */
  async memory(): Promise<ReadonlyMap<string, number>> {
    return new Map();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#clients].map((client) => client.destroy()));
  }
}
