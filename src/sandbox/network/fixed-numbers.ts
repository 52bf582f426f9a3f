import type { Jid } from '../../actors/domain/identity.ts';

/** How a number answers whatever is sent to it. */
export interface Behaviour {
  /** False: the number has no account. */
  exists: boolean;
  /** The first message of each sender is refused. */
  refusesFirst: boolean;
  /** False: its phone is off, and messages stay at one tick. */
  reachable: boolean;
  deliversAfterMs: number;
  /** Null: it never reads by itself. */
  readsAfterMs: number | null;
  /** What it writes back to a direct message that doesn't repeat it. */
  reply: string | null;
  /** Sending to it drops the sender's connection for that long, with the message on its way; null: it doesn't. */
  dropsSenderForMs: number | null;
  /** Sending to it, or linking as it, gets the account banned. */
  bans: boolean;
}

const ORDINARY: Behaviour = {
  exists: true,
  refusesFirst: false,
  reachable: true,
  deliversAfterMs: 0,
  readsAfterMs: null,
  reply: null,
  dropsSenderForMs: null,
  bans: false,
};

/** The numbers with fixed behaviour (UX §2); all others are ordinary people who don't read by themselves. */
export const FIXED_NUMBERS: Record<Jid, Behaviour> = {
  '15550000000@c.us': { ...ORDINARY, readsAfterMs: 1_000 },
  '15550000001@c.us': { ...ORDINARY, exists: false },
  '15550000002@c.us': { ...ORDINARY, reachable: false },
  '15550000003@c.us': { ...ORDINARY, refusesFirst: true },
  '15550000004@c.us': { ...ORDINARY, reply: 'pong' },
  '15550000005@c.us': { ...ORDINARY, deliversAfterMs: 30_000 },
  '15550000008@c.us': { ...ORDINARY, dropsSenderForMs: 3_000 },
  '15550000009@c.us': { ...ORDINARY, bans: true },
};

const byNumber = new Map(Object.entries(FIXED_NUMBERS));

/** How this number behaves. */
export function behaviourOf(pn: Jid): Behaviour {
  return byNumber.get(pn) ?? ORDINARY;
}
