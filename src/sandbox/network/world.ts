import type { EventEmitter } from 'eventemitter3';
import type { Jid } from '../../actors/domain/identity.ts';
import { behaviourOf } from './fixed-numbers.ts';
import type { Lines } from './lines.ts';
import type { Schedule } from './schedule.ts';
import type { Seeded } from './seeded.ts';
import type { Store } from './store.ts';
import {
  type Account,
  type ContactView,
  type Group,
  type NetworkSettings,
  type SandboxNetworkEvents,
  SandboxRefusal,
  type WireEntry,
} from './types.ts';

/** What all parts of the simulated WhatsApp share. */
export interface World {
  readonly settings: NetworkSettings;
  readonly store: Store;
  readonly schedule: Schedule;
  readonly seeded: Seeded;
  readonly lines: Lines;
  readonly events: EventEmitter<SandboxNetworkEvents>;
  /** Writes a line to the wire log. */
  wire(kind: string, account: Jid | null, detail?: WireEntry['detail']): void;
}

/** The JID of a number written as `62811…`, `+62 811…` or `…@s.whatsapp.net`; a JID as it is. */
export function toJid(number: string): Jid {
  if (number.endsWith('@s.whatsapp.net')) return number.replace('@s.whatsapp.net', '@c.us');
  return number.includes('@') ? number : `${number.replace(/\D/g, '')}@c.us`;
}

/** The account of a number or LID, created when the number is first named; null where there is none. */
export function findAccount(world: World, number: string): Account | null {
  const jid = toJid(number);
  if (jid.endsWith('@lid')) return world.store.byLid.get(jid) ?? null;
  if (!/^\d+@c\.us$/.test(jid) || !behaviourOf(jid).exists) return null;
  const { accounts } = world.store;
  return accounts.get(jid) ?? accounts.get(otherSpelling(jid) ?? '') ?? createAccount(world, jid);
}

/** True when both name one chat: the same JID, or the same person by number and by LID. */
export function isSameChat(world: World, one: Jid, other: Jid): boolean {
  if (one === other) return true;
  const account = findAccount(world, one);
  return account !== null && account === findAccount(world, other);
}

/** A new account with a LID and a name derived from its number. */
function createAccount(world: World, pn: Jid): Account {
  const digits = pn.slice(0, pn.indexOf('@'));
  const lid = (BigInt(`0x${world.seeded.fixed(`lid:${digits}`, 14)}`) + 10n ** 14n).toString().slice(0, 15);
  const account = { pn, lid: `${lid}@lid`, name: `+${digits}`, addressedByLid: world.settings.lidForAll };
  world.store.commit({ kind: 'account', account });
  return account;
}

/** The JID by which others see an account. */
export function addressOf(account: Account): Jid {
  return account.addressedByLid || account.hidesNumber ? account.lid : account.pn;
}

/** What others may know of the person with a number or LID. */
export function contactOf(world: World, jid: Jid): ContactView {
  const account = findAccount(world, jid);
  if (!account) return { pn: null, lid: null, name: null };
  return { pn: account.hidesNumber ? null : account.pn, lid: account.lid, name: account.name };
}

/** The account of a number, with these fields set. @throws SandboxRefusal UNKNOWN_CHAT where there is none */
export function accountOf(world: World, number: string, fields: Partial<Omit<Account, 'pn'>> = {}): Account {
  const account = findAccount(world, number);
  if (!account) throw new SandboxRefusal('UNKNOWN_CHAT', 'This number has no WhatsApp account.');
  if (Object.keys(fields).length === 0) return account;
  // Changed in place: open devices refer to it.
  Object.assign(account, fields);
  world.store.commit({ kind: 'account', account });
  world.events.emit('changed');
  return account;
}

/** Creates a group, or replaces name and participants of the one with this id. @throws SandboxRefusal UNKNOWN_CHAT */
export function saveGroup(world: World, options: { id?: Jid; name: string; participants: string[] }): Group {
  const drawn = () =>
    BigInt(`0x${world.seeded.hex('group', 12)}`)
      .toString()
      .padStart(12, '0')
      .slice(0, 12);
  const id = options.id ?? `120363${drawn()}@g.us`;
  const participants = options.participants.map((number) => accountOf(world, number).pn);
  const group = { id, name: options.name, participants };
  world.store.commit({ kind: 'group', group });
  world.events.emit('changed');
  return group;
}

/**
 * The other spelling of a number that has two, or null: Brazilian mobile numbers with and without the ninth digit,
 * Mexican ones with and without the 1. WhatsApp has the account under one of them and finds it by either.
 */
function otherSpelling(jid: Jid): Jid | null {
  const brazil = /^55(\d\d)(9?)(\d{8}@c\.us)$/.exec(jid);
  if (brazil) return `55${brazil[1]}${brazil[2] ? '' : '9'}${brazil[3]}`;
  const mexico = /^52(1?)(\d{10}@c\.us)$/.exec(jid);
  return mexico && `52${mexico[1] ? '' : '1'}${mexico[2]}`;
}
