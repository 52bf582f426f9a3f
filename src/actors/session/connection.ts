import { isDeepStrictEqual } from 'node:util';
import type { EventEmitter } from 'eventemitter3';
import type { LiveView, PasskeyView, QrView } from '../domain/agent-view.ts';
import type { GatewayEvents } from '../domain/gateway-events.ts';
import type { Jid } from '../domain/identity.ts';
import type { Clock } from '../domain/ports/clock.ts';
import type { Compatibility, Me, WebAuthnJson, WhatsAppClient } from '../domain/ports/whatsapp.ts';

/** An agent's connection to WhatsApp as it is now: its client, who is linked, and what is shown for linking. */
export class Connection {
  /** The client of the current session, or null. */
  client: WhatsAppClient | null = null;
  /** The linked account while the session is ready, else null. */
  me: Me | null = null;
  /** The linked number, also while the connection is lost; null before the first connection. */
  account: Jid | null = null;
  readonly #agentId: string;
  readonly #clock: Clock;
  readonly #events: EventEmitter<GatewayEvents>;
  /** The socket's newest state. */
  #socket: string | null = null;
  #qr: QrView | null = null;
  #passkey: PasskeyView | null = null;
  #compatibility: Compatibility | null = null;
  #activeAt: number;

  constructor(agentId: string, clock: Clock, events: EventEmitter<GatewayEvents>) {
    this.#agentId = agentId;
    this.#clock = clock;
    this.#events = events;
    this.#activeAt = clock.monotonic();
  }

  /** The QR that can be scanned now, or null. */
  get qr(): QrView | null {
    return this.#qr;
  }

  /** The passkey that is requested now, or null. */
  get passkey(): PasskeyView | null {
    return this.#passkey;
  }

  /** What the last self-check found missing in the page, by name. It outlives its client, as the reason of its end. */
  get missing(): string[] {
    return this.#compatibility?.missing ?? [];
  }

  /** Milliseconds since the last message or acknowledgement. */
  get quietMs(): number {
    return this.#clock.monotonic() - this.#activeAt;
  }

  /** Takes the client of a new session; its socket has not reported a state yet. */
  attach(client: WhatsAppClient): void {
    this.client = client;
    this.#socket = null;
    const active = () => {
      this.#activeAt = this.#clock.monotonic();
    };
    client.events
      .on('message', active)
      .on('ack', active)
      .on('state', (state) => {
        this.#socket = state;
      })
      .on('compatibility', (report) => this.setCompatibility(report));
  }

  /** Drops the client and all listeners of its events. */
  detach(): void {
    this.client?.events.removeAllListeners();
    this.client = null;
    this.#socket = null;
  }

  /** The session is ready. */
  open(me: Me): void {
    this.me = me;
    this.account = me.pn;
    this.#socket = 'CONNECTED';
  }

  /** Shows a QR for `ttlMs`, or none; publishes it. A QR means that no account is linked. */
  showQr(code: string | null, ttlMs: number, traceId?: string): void {
    const issuedAt = this.#clock.now();
    this.#qr = code === null ? null : { code, issuedAt, expiresAt: issuedAt + ttlMs };
    if (this.#qr) {
      this.#socket = 'UNPAIRED';
      this.account = null;
    }
    this.#events.emit('qr', { agentId: this.#agentId, qr: this.#qr, traceId });
  }

  /** Shows the challenge of a passkey, null until the page has one. */
  showPasskey(challenge: WebAuthnJson | null): void {
    this.#setPasskey({ challenge, since: this.#passkey?.since ?? this.#clock.now() });
  }

  /** No passkey is requested any more. */
  hidePasskey(): void {
    this.#setPasskey(null);
  }

  /** Replaces the result of the self-check, null when no page is known; publishes a change. */
  setCompatibility(report: Compatibility | null): void {
    if (isDeepStrictEqual(report, this.#compatibility)) return;
    this.#compatibility = report;
    this.#events.emit('compatibility', { agentId: this.#agentId, report });
  }

  /** As the API shows it; `isConnected` is the state of the session. */
  view(isConnected: boolean): LiveView {
    const hasClient = this.client !== null;
    return {
      isConnected,
      sessionState: hasClient ? (this.#socket ?? 'OPENING') : null,
      isReady: this.me !== null,
      hasClient,
      whatsapp: this.#compatibility,
    };
  }

  /** Replaces the requested passkey; publishes a change. */
  #setPasskey(passkey: PasskeyView | null): void {
    if (isDeepStrictEqual(passkey, this.#passkey)) return;
    this.#passkey = passkey;
    this.#events.emit('passkey', { agentId: this.#agentId, passkey });
  }
}
