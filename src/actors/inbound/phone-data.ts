import { TEXTS } from '../domain/error-texts.ts';
import { GatewayError } from '../domain/errors.ts';
import type { Scheduler } from '../domain/ports/clock.ts';
import type { WhatsAppClient } from '../domain/ports/whatsapp.ts';
import type { ActorSettings } from '../domain/settings.ts';
import { withTimeout } from '../domain/timeout.ts';

/** What the reads of all agents share. */
export interface PhoneDataDeps {
  settings: Pick<ActorSettings, 'limits'>;
  clock: Scheduler;
}

/** Calls at once per agent: they share the page's one thread with the messages. */
const CALLS_AT_ONCE = 4;

/** The phone's data of one agent, as callers ask for it: a few calls at once, each within a deadline. */
export class PhoneData {
  readonly #deps: PhoneDataDeps;
  readonly #client: () => WhatsAppClient | null;
  #calls = 0;

  constructor(deps: PhoneDataDeps, client: () => WhatsAppClient | null) {
    this.#deps = deps;
    this.#client = client;
  }

  /** Calls the client. @throws GatewayError `SESSION_NOT_READY`, `RATE_LIMITED`, `BAD_GATEWAY`, and those of the call */
  async call<T>(run: (client: WhatsAppClient) => Promise<T>): Promise<T> {
    const client = this.#client();
    if (!client) throw new GatewayError('SESSION_NOT_READY', TEXTS.SESSION_NOT_READY.noClient);
    if (this.#calls >= CALLS_AT_ONCE) throw new GatewayError('RATE_LIMITED', TEXTS.RATE_LIMITED.phoneReads);
    const { clock, settings } = this.#deps;
    const late = () => new GatewayError('BAD_GATEWAY', TEXTS.BAD_GATEWAY.noAnswer);
    this.#calls += 1;
    try {
      return await withTimeout(clock, run(client), settings.limits.phoneMs, late);
    } finally {
      this.#calls -= 1;
    }
  }
}
