import type { AgentRef } from '../../actors/domain/identity.ts';
import type { Scheduler } from '../../actors/domain/ports/clock.ts';
import type { WhatsAppClient, WhatsAppDriver } from '../../actors/domain/ports/whatsapp.ts';
import { LoginFiles } from './login-files.ts';
import { RemoteSandboxClient } from './remote-client.ts';

/** WhatsApp simulated in another process (`npm run sandbox:network`), which many services share. */
export class RemoteSandboxDriver implements WhatsAppDriver {
  readonly name = 'sandbox';
  readonly #url: string;
  readonly #logins: LoginFiles;
  readonly #clock: Scheduler;
  readonly #clients = new Set<RemoteSandboxClient>();

  constructor(url: string, { authDir, clock }: { authDir: string; clock: Scheduler }) {
    this.#url = url;
    this.#logins = new LoginFiles(authDir);
    this.#clock = clock;
  }

  /** Has nothing to clean up: the network ends the sessions of a crashed predecessor with their sockets. */
  async prepare(): Promise<void> {}

  /** Every login names its user. */
  async adopt(): Promise<void> {}

  create(agent: AgentRef): WhatsAppClient {
    this.#logins.claim(agent);
    const client = new RemoteSandboxClient(this.#url, agent, {
      login: this.#logins,
      clock: this.#clock,
      onEnd: () => this.#clients.delete(client),
    });
    this.#clients.add(client);
    return client;
  }

  async hasCredentials(agent: AgentRef): Promise<boolean> {
    return this.#logins.read(agent) !== null;
  }

  async removeCredentials(agent: AgentRef): Promise<void> {
    this.#logins.remove(agent);
  }

  /** Empty: clients have no process of their own. */
  async memory(): Promise<ReadonlyMap<string, number>> {
    return new Map();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#clients].map((client) => client.destroy()));
  }
}
