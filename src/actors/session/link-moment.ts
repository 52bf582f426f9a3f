import type { Clock } from '../domain/ports/clock.ts';
import type { WhatsAppClient } from '../domain/ports/whatsapp.ts';

/** Sees when a client's device is linked, as opposed to coming back with saved credentials. */
export class LinkMoment {
  readonly #clock: Pick<Clock, 'monotonic'>;
  #hasShownQr = false;
  #authenticatedAt: number | null = null;

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  /** Watches a new client, or none. */
  follow(client: WhatsAppClient | null): void {
    this.#hasShownQr = false;
    client?.events
      .on('qr', () => {
        this.#hasShownQr = true;
        this.#authenticatedAt = null;
      })
      .on('authenticated', () => {
        this.#authenticatedAt ??= this.#clock.monotonic();
      });
  }

  /** When the session that is ready now was linked, by the monotonic clock; null for one that came back. */
  take(): number | null {
    const isNew = this.#hasShownQr;
    this.#hasShownQr = false;
    return isNew ? (this.#authenticatedAt ?? this.#clock.monotonic()) : null;
  }
}
