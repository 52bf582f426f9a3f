import type { Jid, Me } from '../../../src/actors/ports.ts';
import type { SandboxNetwork } from '../../../src/infra/whatsapp/sandbox/network.ts';
import type { Account, ChatView } from '../../../src/infra/whatsapp/sandbox/types.ts';

/** A chat as the page takes it in; a group has its members. */
type PageChat = Pick<ChatView, 'id' | 'name'> & Partial<ChatView> & { participants?: Jid[] };

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

/** The members of a group that exists. */
function participantsOf(network: SandboxNetwork, id: Jid): { participants?: Jid[] } {
  const group = network.groups().find((one) => one.id === id);
  return group ? { participants: group.participants } : {};
}

/** All chats of an account, groups with their members. */
export function chatViews(network: SandboxNetwork, me: Me): PageChat[] {
  return network.chats(me.pn).map((chat) => ({ ...chat, ...participantsOf(network, chat.id) }));
}

/**
 * The chat in which someone is reached: with a LID account under its LID. A number without an account has one
 * too, as on WhatsApp; a group or LID that this account can't write to has none: null.
 */
export function reachableChat(network: SandboxNetwork, me: Me | null, jid: Jid): PageChat | null {
  if (jid.endsWith('@newsletter') || jid.endsWith('@broadcast')) return { id: jid, name: jid };
  if (jid.endsWith('@g.us')) {
    const group = network.groups().find(({ id }) => id === jid);
    return group && me && group.participants.includes(me.pn) ? group : null;
  }
  const account = accountOf(network, jid);
  if (account) return { id: account.addressedByLid ? account.lid : account.pn, name: account.name };
  return jid.endsWith('@c.us') ? { id: jid, name: jid } : null;
}

/** What is known of a person; all null of a stranger. */
export function contactOf(network: SandboxNetwork, jid: Jid): Record<'pn' | 'lid' | 'name', string | null> {
  const account = accountOf(network, jid);
  return { pn: account?.pn ?? null, lid: account?.lid ?? null, name: account?.name ?? null };
}
