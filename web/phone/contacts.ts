import type { PhoneView } from '../../src/sandbox/control-api/phones.ts';
import { type Customer, FIRST_CUSTOMERS, type State } from './state.ts';

// Names, numbers and agents by JID.

/** `+62811…` for the JID of a number, else the JID. */
export function numberOf(jid: string): string {
  return jid.endsWith('@c.us') ? `+${jid.slice(0, -5)}` : jid;
}

/** The phone of the selected agent. */
export function selectedPhone(state: State): PhoneView | undefined {
  return state.phones.find(({ agentId }) => agentId === state.agentId);
}

/** Selects an agent, and shows its code, or the chat with it once it is linked. */
export function selectAgent(state: State, agentId: string | null): void {
  const phone = state.phones.find((one) => one.agentId === agentId);
  state.agentId = agentId;
  state.agentChat = null;
  state.agentTab = phone?.linked ? 'chats' : 'devices';
  state.customerChat = phone ? addressOf(phone) : null;
}

/** The agent that is linked to this number or LID. */
export function phoneOf(state: State, jid: string): PhoneView | undefined {
  return state.phones.find(({ account }) => account?.pn === jid || account?.lid === jid);
}

/** The JID by which others address a linked phone; null without an account. */
export function addressOf(phone: PhoneView): string | null {
  const { account } = phone;
  return account && (account.addressedByLid || account.hidesNumber ? account.lid : account.pn);
}

/** The name of a person, an agent or a group; the number if there is none. */
export function nameOf(state: State, jid: string): string {
  const group = state.groups.find(({ id }) => id === jid);
  if (group) return group.name;
  const person = state.people.find(({ pn, lid }) => pn === jid || lid === jid);
  const named = person && !person.name.startsWith('+') ? person.name : undefined;
  const fallback = [...state.newCustomers, ...FIRST_CUSTOMERS].find(({ pn }) => pn === jid)?.name;
  return named ?? phoneOf(state, jid)?.agentName ?? fallback ?? person?.name ?? numberOf(jid);
}

/** The customers to choose from: everyone but the agents, and new ones that have not written yet. */
export function customersOf(state: State): Customer[] {
  const people = state.people
    .filter(({ pn }) => !phoneOf(state, pn))
    .map(({ pn, hidesNumber }) => ({ pn, name: nameOf(state, pn), hidesNumber: hidesNumber ?? false }));
  const known = new Map<string, Customer>();
  for (const customer of [...FIRST_CUSTOMERS, ...state.newCustomers, ...people])
    known.set(customer.pn, customer);
  return [...known.values()];
}

/** The first letters of a name, for its picture. */
export function initialsOf(name: string): string {
  const words = name.split(/\s+/);
  return words
    .slice(0, 2)
    .map((word) => word.charAt(0).toUpperCase())
    .join('');
}

/** One of eight colours, constant for a JID. */
export function hueOf(jid: string): number {
  let sum = 0;
  for (const char of jid) sum = (sum * 31 + char.charCodeAt(0)) % 1_009;
  return sum % 8;
}
