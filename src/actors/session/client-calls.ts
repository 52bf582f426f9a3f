import { TEXTS } from '../domain/error-texts.ts';
import { GatewayError } from '../domain/errors.ts';
import type { AgentRef } from '../domain/identity.ts';
import type { Scheduler } from '../domain/ports/clock.ts';
import type { WhatsAppClient, WhatsAppDriver } from '../domain/ports/whatsapp.ts';
import type { ActorLimits } from '../domain/settings.ts';
import { withTimeout } from '../domain/timeout.ts';

/** What the calls of a session's machine need of the world. */
interface ClientCallDeps {
  driver: Pick<WhatsAppDriver, 'removeCredentials'>;
  clock: Scheduler;
  limits: ActorLimits;
  /** Told of an error that ends nothing. */
  fault(where: string, error: unknown): void;
}

/** The calls that a session's machine waits for, each within its limit. */
export class ClientCalls {
  readonly #deps: ClientCallDeps;

  constructor(deps: ClientCallDeps) {
    this.#deps = deps;
  }

  /** Unlinks the device, if there is a client to do it: true when that is done; never rejects. */
  async logOut(client: WhatsAppClient | null): Promise<boolean> {
    return client !== null && this.#bounded('logout', () => client.logout(), this.#deps.limits.logoutMs);
  }

  /** Ends the client, if there is one; never rejects. */
  async close(client: WhatsAppClient | null): Promise<void> {
    if (client) await this.#bounded('destroy', () => client.destroy(), this.#deps.limits.closeMs);
  }

  /** Deletes what the driver keeps of an agent; never rejects. */
  async forgetCredentials(agent: AgentRef): Promise<void> {
    const { driver, limits } = this.#deps;
    await this.#bounded('forget', () => driver.removeCredentials(agent), limits.closeMs);
  }

  /** The socket's state. @throws GatewayError `BAD_GATEWAY` when the page is mute, `SESSION_NOT_READY` without one */
  async probe(client: WhatsAppClient | null): Promise<string> {
    const mute = () => new GatewayError('BAD_GATEWAY', TEXTS.BAD_GATEWAY.probeUnanswered);
    return withTimeout(this.#deps.clock, present(client).probe(), this.#deps.limits.probeMs, mute);
  }

  /** Reloads the page. @throws GatewayError `BAD_GATEWAY` when that takes too long, `SESSION_NOT_READY` without one */
  async reload(client: WhatsAppClient | null): Promise<void> {
    const late = () => new GatewayError('BAD_GATEWAY', TEXTS.BAD_GATEWAY.reloadTimeout);
    await withTimeout(this.#deps.clock, present(client).reload(), this.#deps.limits.startMs, late);
  }

  /** Waits for a call within its limit: true when it is done; a failure is reported, never thrown. */
  async #bounded(operation: string, call: () => Promise<void>, ms: number): Promise<boolean> {
    try {
      const late = () => new GatewayError('BAD_GATEWAY', TEXTS.BAD_GATEWAY.tooLong(operation));
      await withTimeout(this.#deps.clock, call(), ms, late);
      return true;
    } catch (error) {
      this.#deps.fault(operation, error);
      return false;
    }
  }
}

/** The client. @throws GatewayError `SESSION_NOT_READY` when there is none */
function present(client: WhatsAppClient | null): WhatsAppClient {
  if (client) return client;
  throw new GatewayError('SESSION_NOT_READY', TEXTS.SESSION_NOT_READY.noClient);
}
