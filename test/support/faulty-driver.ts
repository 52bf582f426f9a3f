import { setTimeout as delay } from 'node:timers/promises';
import { GatewayError } from '../../src/actors/domain/errors.ts';
import type { AgentRef } from '../../src/actors/domain/identity.ts';
import type { WhatsAppClient, WhatsAppClientEvents } from '../../src/actors/domain/ports/whatsapp.ts';
import { SandboxDriver } from '../../src/sandbox/driver/sandbox-driver.ts';
import type { SandboxNetwork } from '../../src/sandbox/network/network.ts';

/** The calls of a client. */
export type ClientCall = Exclude<keyof WhatsAppClient, 'events'>;
/** How a call fails; `rejects` with a bare string, as the library does. */
export type FaultMode = 'hangs' | 'throws' | 'rejects';

/** The driver's own deadline on a call, shortened. */
const DEADLINE_MS = 100;
/** Calls that the session machine bounds itself. */
const BOUNDED = new Set<ClientCall>(['start', 'logout', 'destroy', 'probe']);

/** The sandbox driver with one agent whose clients fail as configured. */
export class FaultyDriver extends SandboxDriver {
  readonly #victim: string;
  #fault: { call: ClientCall; mode: FaultMode } | null = null;
  #newest: WhatsAppClient | null = null;

  constructor(network: SandboxNetwork, victim: string) {
    super(network, { callMs: 300 });
    this.#victim = victim;
  }

  override create(agent: AgentRef): WhatsAppClient {
    const client = super.create(agent);
    if (agent.agentId !== this.#victim) return client;
    this.#newest = client;
    return new Proxy(client, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) =>
          this.#fault?.call === name ? fail(this.#fault) : value.apply(target, args);
      },
    });
  }

  /** Makes a call of the victim's clients fail from now on; null ends it. */
  fail(fault: { call: ClientCall; mode: FaultMode } | null): void {
    this.#fault = fault;
  }

  /** Emits an event of the victim's newest client, valid or not; like a driver, it ignores errors of listeners. */
  emit(event: keyof WhatsAppClientEvents, ...payload: unknown[]): void {
    try {
      this.#newest?.events.emit(event, ...(payload as never));
    } catch {
      // Counted by the test as a fault of the other agent, if it is one.
    }
  }
}

/** The failing call. */
function fail({ call, mode }: { call: ClientCall; mode: FaultMode }): Promise<never> {
  if (mode === 'throws') throw new Error(`${call} has a bug`);
  if (mode === 'rejects') return Promise.reject(`${call} failed`);
  if (BOUNDED.has(call)) return new Promise(() => undefined);
  return delay(DEADLINE_MS, undefined, { ref: false }).then(() => {
    throw new GatewayError('BAD_GATEWAY', `${call} took too long.`, { details: { outcome: 'unknown' } });
  });
}
