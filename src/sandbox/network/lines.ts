import type { Jid } from '../../actors/domain/identity.ts';
import type { Restriction } from '../../actors/domain/ports/whatsapp.ts';
import type { LineView } from './types.ts';

/** The connection between WhatsApp and the devices of one account, with its faults. */
export interface Line {
  /** `CONNECTED`, or the state in which its devices are held. */
  state: string;
  latencyMs: number;
  failureRate: number;
  frozen: boolean;
  banned: boolean;
  restriction: Restriction | null;
  /** When the newest message on its way arrives; later ones do not overtake it. */
  lastArrival: number;
  /** Cancels the reconnect of a timed drop. */
  cancelReconnect: (() => void) | null;
  /** Cancels the expiry of a restriction. */
  cancelExpiry: (() => void) | null;
}

/** The lines of all accounts, each created on first use. */
export class Lines {
  readonly #lines = new Map<Jid, Line>();

  of(pn: Jid): Line {
    let line = this.#lines.get(pn);
    if (!line) {
      line = {
        state: 'CONNECTED',
        latencyMs: 0,
        failureRate: 0,
        frozen: false,
        banned: false,
        lastArrival: 0,
        restriction: null,
        cancelReconnect: null,
        cancelExpiry: null,
      };
      this.#lines.set(pn, line);
    }
    return line;
  }

  view(pn: Jid): LineView {
    const { state, latencyMs, failureRate, frozen, banned, restriction } = this.of(pn);
    return { online: state === 'CONNECTED', latencyMs, failureRate, frozen, banned, restriction };
  }
}
