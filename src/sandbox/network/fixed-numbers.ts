import type { z } from 'zod';
import type { Jid } from '../../actors/domain/identity.ts';
import type { behaviour } from './schemas.ts';

export type Behaviour = z.infer<typeof behaviour>;

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

/** The numbers with fixed behaviour; all others are ordinary people who don't read by themselves. */
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

export function behaviourOf(pn: Jid): Behaviour {
  return byNumber.get(pn) ?? ORDINARY;
}
