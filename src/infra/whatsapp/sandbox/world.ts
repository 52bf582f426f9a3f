import type { EventEmitter } from 'eventemitter3';
import type { Jid } from '../../../actors/ports.ts';
import { behaviourOf } from './fixed-numbers.ts';
import type { Lines } from './lines.ts';
import type { Schedule } from './schedule.ts';
import type { Seeded } from './seeded.ts';
import type { Store } from './store.ts';
import type { Account, SandboxNetworkEvents, WireEntry } from './types.ts';

/** What all parts of the simulated WhatsApp stand on. */
export interface World {
  readonly store: Store;
  readonly schedule: Schedule;
  readonly seeded: Seeded;
  readonly lines: Lines;
  readonly events: EventEmitter<SandboxNetworkEvents>;
  /** Writes a line of the wire log. */
  wire(kind: string, account: Jid | null, detail?: WireEntry['detail']): void;
}

/** A number in any of its spellings as a JID: `62811…`, `+62 811…`, `…@s.whatsapp.net`, or a JID as it is. */
export function toJid(number: string): Jid {
  if (number.endsWith('@s.whatsapp.net')) return number.replace('@s.whatsapp.net', '@c.us');
  return number.includes('@') ? number : `${number.replace(/\D/g, '')}@c.us`;
}

/** The account of a number or LID, made when the number is first named; null where there is none. */
export function findAccount(world: World, number: string): Account | null {
  const jid = toJid(number);
  if (jid.endsWith('@lid')) return world.store.byLid.get(jid) ?? null;
  if (!/^\d+@c\.us$/.test(jid) || !behaviourOf(jid).exists) return null;
  return world.store.accounts.get(jid) ?? makeAccount(world, jid);
}

/** A new account with a LID and a name made from its number. */
function makeAccount(world: World, pn: Jid): Account {
  const digits = pn.slice(0, pn.indexOf('@'));
  const lid = (BigInt(`0x${world.seeded.fixed(`lid:${digits}`, 14)}`) + 10n ** 14n).toString().slice(0, 15);
  const account = { pn, lid: `${lid}@lid`, name: `+${digits}`, addressedByLid: false };
  world.store.commit({ kind: 'account', account });
  return account;
}

/** How others see an account. */
export function addressOf(account: Account): Jid {
  return account.addressedByLid ? account.lid : account.pn;
}
