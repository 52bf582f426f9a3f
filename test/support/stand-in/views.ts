import type { Jid } from '../../../src/actors/domain/identity.ts';
import type { Me } from '../../../src/actors/domain/ports/whatsapp.ts';
import type { SandboxNetwork } from '../../../src/sandbox/network/network.ts';
import type { Account, ChatView, ContactView, Group } from '../../../src/sandbox/network/types.ts';
import { addressOf } from '../../../src/sandbox/network/world.ts';

/** The chat as the page takes it in; a group has its members. */
type PageChat = Pick<ChatView, 'id' | 'name'> &
  Partial<ChatView> & { participants?: Jid[]; isLidAddressed?: boolean };

/** The account of a number or LID; null where there is none. */
function accountOf(network: SandboxNetwork, jid: Jid): Account | null {
  const known = network.accounts().find(({ pn, lid }) => pn === jid || lid === jid);
  if (known || !jid.endsWith('@c.us')) return known ?? null;
  try {
    return network.account(jid);
  } catch {
    return null;
  }
}

/** What a group has beside other chats, as one of its members sees it. */
function groupView(network: SandboxNetwork, me: Me, { id, name, participants }: Group): PageChat {
  return {
    id,
    name,
    participants: participants.map((pn) => addressOf(network.account(pn))),
    isLidAddressed: network.account(me.pn).addressedByLid,
  };
}

/** All chats of an account, groups with their members. */
export function chatViews(network: SandboxNetwork, me: Me): PageChat[] {
  return network.chats(me.pn).map((chat) => {
    const group = network.groups().find(({ id }) => id === chat.id);
    return group ? { ...chat, ...groupView(network, me, group) } : chat;
  });
}

/**
 * The chat in which someone is reached: with a LID account under its LID. A number without an account has one
 * too, as on WhatsApp; a group or LID that this account can't write to has none: null.
 */
export function reachableChat(network: SandboxNetwork, me: Me | null, jid: Jid): PageChat | null {
  if (jid.endsWith('@newsletter') || jid.endsWith('@broadcast')) return { id: jid, name: jid };
  if (jid.endsWith('@g.us')) {
    const group = network.groups().find(({ id }) => id === jid);
    return group && me && group.participants.includes(me.pn) ? groupView(network, me, group) : null;
  }
  const account = accountOf(network, jid);
  if (account) return { id: addressOf(account), name: account.name };
  return jid.endsWith('@c.us') ? { id: jid, name: jid } : null;
}

/** What WhatsApp sends the page of people, unasked. */
export function peopleOf(network: SandboxNetwork, jids: Jid[]): (ContactView & { id: Jid })[] {
  const people = jids.filter((id) => /@(c\.us|lid)$/.test(id));
  return people.map((id) => ({ id, ...network.contact(id) }));
}
