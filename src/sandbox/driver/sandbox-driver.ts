import type { AgentRef } from '../../actors/domain/identity.ts';
import type { WhatsAppClient, WhatsAppDriver } from '../../actors/domain/ports/whatsapp.ts';
import type { SandboxNetwork } from '../network/network.ts';
import { SandboxClient, type SandboxDeadlines } from './sandbox-client.ts';

/** WhatsApp simulated in this process. The network outlives the driver and is closed by its owner. */
export class SandboxDriver implements WhatsAppDriver {
  readonly name = 'sandbox';
  readonly #network: SandboxNetwork;
  readonly #deadlines: SandboxDeadlines;
  readonly #clients = new Set<SandboxClient>();

  constructor(network: SandboxNetwork, deadlines: Partial<SandboxDeadlines> = {}) {
    this.#network = network;
    this.#deadlines = { startMs: 30_000, callMs: 30_000, ...deadlines };
  }

  /** Has nothing to clean up: a crashed predecessor's clients were in its process. */
  async prepare(): Promise<void> {}

  async adopt(agents: readonly AgentRef[]): Promise<void> {
    this.#network.tokens.adopt(agents);
  }

  create(agent: AgentRef): WhatsAppClient {
    const client = new SandboxClient(this.#network, agent, this.#network.tokens, this.#deadlines, () =>
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

  /** Empty: clients have no process of their own. */
  async memory(): Promise<ReadonlyMap<string, number>> {
    return new Map();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#clients].map((client) => client.destroy()));
  }
}
