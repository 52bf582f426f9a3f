import type { LiveView, PasskeyView, QrView } from '../domain/agent-view.ts';
import type { Compatibility, Me, WhatsAppClient } from '../domain/ports/whatsapp.ts';

/** The live side of a session: its socket, its page, what it shows for linking, and who is linked. */
export class ConnectionInfo {
  #hasClient = false;
  /** The socket's last word. */
  #socket: string | null = null;
  #me: Me | null = null;
  #qr: QrView | null = null;
  /** There while a passkey is asked for. */
  passkey: PasskeyView | null = null;
  /** The last self-check; it outlives its client, so that whoever asks why sees it. */
  compatibility: Compatibility | null = null;

  /** Who is linked, while the session is ready. */
  get me(): Me | null {
    return this.#me;
  }

  /** The QR that can be scanned now, or null. */
  get qr(): QrView | null {
    return this.#qr;
  }

  /** A new client is there, or none any more: its socket has not said anything yet. */
  attach(client: WhatsAppClient | null): void {
    this.#hasClient = client !== null;
    this.#socket = null;
    client?.events.on('state', (state) => {
      this.#socket = state;
    });
  }

  /** A QR is shown, or none any more. */
  showQr(qr: QrView | null): void {
    if (qr) this.#socket = 'UNPAIRED';
    this.#qr = qr;
  }

  /** The session is ready. */
  open(me: Me): void {
    this.#me = me;
    this.#socket = 'CONNECTED';
  }

  /** The session is over. */
  close(): void {
    this.#me = null;
  }

  /** What is told of it; `isConnected` is the machine's word. */
  view(isConnected: boolean): LiveView {
    return {
      isConnected,
      sessionState: this.#hasClient ? (this.#socket ?? 'OPENING') : null,
      isReady: this.#me !== null,
      hasClient: this.#hasClient,
      whatsapp: this.compatibility,
    };
  }
}
