import type { Duplex } from 'node:stream';
import { EventEmitter } from 'eventemitter3';
import { TEXTS } from '../../actors/domain/error-texts.ts';
import { GatewayError } from '../../actors/domain/errors.ts';
import type { GatewayEvents } from '../../actors/domain/gateway-events.ts';
import type { SandboxAgents } from '../control-api/phones.ts';
import type { SandboxNetwork } from '../network/network.ts';
import { HostedSession } from './hosted-session.ts';

/** What a session that was replaced may still do: its service had it on its way. */
const TOLERANCE_MS = 250;

/** A session that acted although a newer one had been opened under its token. */
export interface DoubleAct {
  agentId: string;
  /** What it did: a call by name, or `ping`. */
  act: string;
  at: string;
  /** Since the newer session was opened. */
  afterMs: number;
}

/**
 * The sessions of services in other processes: one WhatsApp for all of them. It records every session that acts beside a
 * newer one with its login, which no service may let happen.
 */
export class SessionHost {
  readonly #network: SandboxNetwork;
  readonly #sessions = new Set<HostedSession>();
  /** The newest session under each token. */
  readonly #newest = new Map<string, { session: HostedSession; openedAt: number }>();
  readonly #events = new EventEmitter<GatewayEvents>();
  readonly doubleActs: DoubleAct[] = [];

  constructor(network: SandboxNetwork) {
    this.#network = network;
  }

  /** The agents as the control API sees them: those with a session. They are created and deleted by their services. */
  get agents(): SandboxAgents {
    return {
      events: this.#events,
      list: () => [...this.#byAgent().values()].map(({ view }) => view),
      qr: (agentId) => {
        const qr = this.#byAgent().get(agentId)?.qr;
        if (qr) return qr;
        throw new GatewayError('SESSION_NOT_READY', TEXTS.SESSION_NOT_READY.noQr);
      },
      ask: () =>
        Promise.reject<never>(new GatewayError('SESSION_NOT_READY', TEXTS.SESSION_NOT_READY.elsewhere)),
    };
  }

  /** Takes the socket of a service's session. */
  take(socket: Duplex): void {
    const session = new HostedSession(this.#network, socket, {
      onOpen: (agentId) => this.#events.emit('added', agentId),
      onChange: () => this.#network.events.emit('changed'),
      onToken: (token) => this.#newest.set(token, { session, openedAt: performance.now() }),
      onAct: (token, act) => this.#acted(session, token, act),
      onClose: () => {
        this.#sessions.delete(session);
        this.#network.events.emit('changed');
      },
    });
    this.#sessions.add(session);
  }

  close(): void {
    for (const session of this.#sessions) session.close();
  }

  /** The newest session of each agent. */
  #byAgent(): Map<string, HostedSession> {
    return new Map([...this.#sessions].filter(({ isOpen }) => isOpen).map((one) => [one.view.agentId, one]));
  }

  /** Records an act of a session that a newer one has replaced. */
  #acted(session: HostedSession, token: string, act: string): void {
    const newest = this.#newest.get(token);
    if (!newest || newest.session === session) return;
    const afterMs = Math.round(performance.now() - newest.openedAt);
    if (afterMs <= TOLERANCE_MS) return;
    this.doubleActs.push({ agentId: session.view.agentId, act, at: new Date().toISOString(), afterMs });
  }
}
