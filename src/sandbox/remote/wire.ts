import { createInterface } from 'node:readline';
import type { Duplex } from 'node:stream';
import type { GatewayError } from '../../actors/domain/errors.ts';
import type { AgentRef } from '../../actors/domain/identity.ts';
import type { WhatsAppClient, WhatsAppClientEvents } from '../../actors/domain/ports/whatsapp.ts';

// What a service and the simulated network in another process write to each other: JSON, one value per line, over the
// socket of an upgraded HTTP request; one socket per session.

/** The `Upgrade` header of that request. */
export const PROTOCOL = 'sandbox-session';

/** The methods of a client that answer once; the socket ends with `destroy` and `logout`. */
export type CallName = Exclude<keyof WhatsAppClient, 'events' | 'downloadMedia'>;

/** Every event of a client: a new one without its line here does not compile. */
export const EVENT_NAMES = Object.keys({
  qr: true,
  authenticated: true,
  loading: true,
  ready: true,
  auth_failure: true,
  disconnected: true,
  state: true,
  message: true,
  edited: true,
  revoked: true,
  reaction: true,
  call: true,
  typing: true,
  ack: true,
  compatibility: true,
  passkey: true,
  restriction: true,
  unreported: true,
  crash: true,
} satisfies Record<keyof WhatsAppClientEvents, true>) as (keyof WhatsAppClientEvents)[];

/** From the service; `open` comes first, `ping` from time to time, so that a frozen one is noticed. */
export type FromService =
  | { kind: 'open'; agent: AgentRef; token: string | null }
  | { kind: 'call'; id: number; name: CallName; args: unknown[] }
  | { kind: 'download'; id: number; messageId: string; maxBytes: number }
  | { kind: 'ping' };

/** What crosses of a `GatewayError`. */
export type WireError = Pick<GatewayError, 'code' | 'message' | 'details'>;

/** From the network; a download is `piece`s of base64, then its `result`. */
export type FromNetwork =
  | { kind: 'event'; name: keyof WhatsAppClientEvents; args: unknown[] }
  | { kind: 'paired'; token: string }
  | { kind: 'result'; id: number; value: unknown }
  | { kind: 'piece'; id: number; base64: string }
  | { kind: 'error'; id: number; error: WireError };

/** Reads and writes one JSON value per line. A line that is not JSON closes the socket. */
export class JsonLines<In, Out> {
  readonly #socket: Duplex;

  constructor(socket: Duplex, onValue: (value: In) => void) {
    this.#socket = socket;
    const lines = createInterface({ input: socket, crlfDelay: Number.POSITIVE_INFINITY });
    // The errors of the socket, which closes by them.
    lines.on('error', () => undefined);
    lines.on('line', (line) => {
      if (socket.destroyed) return;
      try {
        onValue(JSON.parse(line) as In);
      } catch (error) {
        socket.destroy(error as Error);
      }
    });
  }

  /** Writes a value; nothing once the socket is closed. */
  write(value: Out): void {
    if (this.#socket.writable) this.#socket.write(`${JSON.stringify(value)}\n`);
  }

  /** Closes the socket once everything is written. */
  end(): void {
    this.#socket.end();
  }

  close(): void {
    this.#socket.destroy();
  }
}
