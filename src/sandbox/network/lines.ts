import type { Jid } from '../../actors/domain/identity.ts';
import type { Restriction } from '../../actors/domain/ports/whatsapp.ts';
import type { LineView } from './types.ts';

/** The connection between WhatsApp and the devices of one account, with its faults. */
export interface Line {
  /** `CONNECTED`, or the state that its devices are held in. */
  state: string;
  latencyMs: number;
  failureRate: number;
  frozen: boolean;
  banned: boolean;
  restriction: Restriction | null;
  /** When the newest message on its way arrives: a later one never overtakes it. */
  lastArrival: number;
  /** Cancels the return that a timed drop has planned. */
  cancelReturn: (() => void) | null;
  /** Cancels the end of a restriction. */
  cancelRelease: (() => void) | null;
}

/** The lines of all accounts; one without faults takes no room until it is asked for. */
export class Lines {
  readonly #lines = new Map<Jid, Line>();

  /** The line of an account. */
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
        cancelReturn: null,
        cancelRelease: null,
      };
      this.#lines.set(pn, line);
    }
    return line;
  }

  /** What is told of it. */
  view(pn: Jid): LineView {
    const { state, latencyMs, failureRate, frozen, banned, restriction } = this.of(pn);
    return { online: state === 'CONNECTED', latencyMs, failureRate, frozen, banned, restriction };
  }
}
