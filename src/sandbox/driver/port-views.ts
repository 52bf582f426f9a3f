import type { ChatAddress } from '../../actors/domain/chats.ts';
import type { Jid } from '../../actors/domain/identity.ts';
import type { ChatMessage, ChatSummary, InboundMessage } from '../../actors/domain/ports/whatsapp.ts';
import type { SandboxNetwork } from '../network/network.ts';
import type { ChatView, ChatMessage as NetworkMessage } from '../network/types.ts';
import { partsOf } from './contents.ts';

const PREVIEW_LENGTH = 1_000;

/** What an account has on the network, as the port gives it: people by number, where it is known. */
export class PortViews {
  readonly #network: SandboxNetwork;
  readonly #owner: () => Jid | undefined;

  /** `owner` is the linked account; undefined before it is opened. */
  constructor(network: SandboxNetwork, owner: () => Jid | undefined) {
    this.#network = network;
    this.#owner = owner;
  }

  inboundOf(message: NetworkMessage): InboundMessage {
    const { id, fromMe, type, body, mentionedIds, timestamp, senderName, chatName } = message;
    const { lid } = this.#network.contact(message.senderId);
    const { chatId, lid: chatLid } = this.personOf(message.chatId);
    const senderId = this.numberOf(message.senderId);
    const content = { fromMe, type, body, mentionedIds, timestamp, senderName, chatName };
    const known = { ...content, ...partsOf(message), ...this.#quoteOf(message) };
    return { id, chatId, senderId, ...(lid && { lid }), ...(chatLid && { chatLid }), ...known };
  }

  /** A message of a chat, with how far it got if it is the account's own. */
  messageOf(message: NetworkMessage): ChatMessage {
    return { ...this.inboundOf(message), ...(message.fromMe && { ack: message.ack }) };
  }

  /** The chats that are answered; of a person under each address that wrote, by that person. */
  chatsOf(views: ChatView[]): Map<Jid, ChatView[]> {
    const byPerson = new Map<Jid, ChatView[]>();
    for (const view of views) {
      if (view.kind !== 'direct' && view.kind !== 'group') continue;
      const person = this.numberOf(view.id);
      byPerson.set(person, [...(byPerson.get(person) ?? []), view]);
    }
    return byPerson;
  }

  /** A chat in the list. */
  summaryOf(views: ChatView[]): ChatSummary {
    const last = newestOf(views);
    const { id, name } = views.find((view) => view.last === last) ?? views[0]!;
    const unreadCount = views.reduce((sum, { unread }) => sum + unread, 0);
    const chat = { ...this.personOf(id), name, isGroup: id.endsWith('@g.us'), unreadCount };
    if (!last) return chat;
    const { id: messageId, fromMe, type, body, timestamp } = last;
    const preview = [...body].slice(0, PREVIEW_LENGTH).join('');
    return { ...chat, lastMessage: { id: messageId, fromMe, type, body: preview, timestamp } };
  }

  /** Both addresses of a person, the number where it is known; a group is itself. */
  personOf(jid: Jid): ChatAddress {
    if (!/@(c\.us|lid)$/.test(jid)) return { chatId: jid };
    const { pn, lid } = this.#network.contact(jid);
    return { chatId: pn ?? jid, lid: lid ?? undefined };
  }

  /** The number behind a LID, where it is known; any other address as it is. */
  numberOf(jid: Jid): Jid {
    return jid.endsWith('@lid') ? (this.#network.contact(jid).pn ?? jid) : jid;
  }

  /** What a message says of the one that it quotes. */
  #quoteOf({ quotedId, chatId }: NetworkMessage): Pick<InboundMessage, 'quoted'> {
    const owner = this.#owner();
    if (!quotedId || !owner) return {};
    const quoted = this.#network.messages(owner, chatId).find(({ id }) => id === quotedId);
    if (!quoted) return {};
    const { id: messageId, body, type, fromMe } = quoted;
    return { quoted: { messageId, text: body, type, fromMe } };
  }
}

/** The newest message of a chat. */
export function newestOf(views: ChatView[]): NetworkMessage | undefined {
  return views
    .flatMap(({ last }) => last ?? [])
    .sort((one, other) => one.timestamp - other.timestamp)
    .at(-1);
}
