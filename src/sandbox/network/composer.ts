import { createHash } from 'node:crypto';
import type { Jid } from '../../actors/domain/identity.ts';
import {
  type Account,
  type ChatMessage,
  type Draft,
  type Group,
  type Media,
  SandboxRefusal,
} from './types.ts';
import { addressOf, findAccount, isSameChat, toJid, type World } from './world.ts';

/** What comes from no chat partner: a status, or a channel's post (`author` null). */
export interface Post {
  chatId: Jid;
  name: string;
  author: Account | null;
  text: string;
}

const KEPT_IMAGES = 32;

/** Makes messages as each side sees them, with their ids; keeps the bytes of the newest images. */
export class Composer {
  readonly #world: World;
  readonly #images = new Map<string, Uint8Array>();

  constructor(world: World) {
    this.#world = world;
  }

  /** The sender's copy of a draft, at ack 0. @throws SandboxRefusal UNKNOWN_CHAT, UNKNOWN_QUOTE, DUPLICATE_ID */
  own(sender: Account, draft: Draft): ChatMessage {
    const { chatId, chatName, group } = this.#target(sender, draft.to);
    const quoted = draft.quoteId ? this.#world.store.message(sender.pn, draft.quoteId) : undefined;
    if (draft.quoteId && !(quoted && isSameChat(this.#world, quoted.chatId, chatId)))
      throw new SandboxRefusal('UNKNOWN_QUOTE', 'The quoted message is not in this chat.');
    const stanzaId = draft.stanzaId ?? this.#stanza(sender.pn);
    if (this.#world.store.message(sender.pn, stanzaId))
      throw new SandboxRefusal('DUPLICATE_ID', 'A message with this id was sent already.');
    const senderId = addressOf(sender);
    const message: ChatMessage = {
      id: `true_${chatId}_${stanzaId}${group ? `_${senderId}` : ''}`,
      stanzaId,
      type: draft.image ? 'image' : 'chat',
      body: draft.text,
      mentionedIds: [...(draft.mentionedIds ?? [])],
      timestamp: this.#world.schedule.timestamp(),
      chatId,
      senderId,
      fromMe: true,
      ack: 0,
      senderName: sender.name,
      chatName,
    };
    if (quoted) message.quotedId = quoted.id;
    if (draft.image) message.media = this.#shelve(draft.image);
    return message;
  }

  /** The message as its receiver sees it. */
  copyFor(receiver: Account, sender: Account, message: ChatMessage): ChatMessage {
    const group = this.#world.store.groups.get(message.chatId);
    const senderId = addressOf(sender);
    const chatId = group?.id ?? senderId;
    const { quotedId, ...same } = message;
    const copy: ChatMessage = {
      ...same,
      id: `false_${chatId}_${message.stanzaId}${group ? `_${senderId}` : ''}`,
      chatId,
      senderId,
      fromMe: false,
      ack: 1,
      chatName: group?.name ?? sender.name,
    };
    const quoted = quotedId && this.#world.store.message(receiver.pn, quotedId);
    if (quoted) copy.quotedId = quoted.id;
    return copy;
  }

  /** A post as whoever follows it sees it. */
  post(post: Post): ChatMessage {
    const { chatId, author } = post;
    const stanzaId = this.#stanza(author?.pn ?? chatId);
    const senderId = author ? addressOf(author) : chatId;
    return {
      id: `false_${chatId}_${stanzaId}${author ? `_${senderId}` : ''}`,
      stanzaId,
      type: 'chat',
      body: post.text,
      mentionedIds: [],
      timestamp: this.#world.schedule.timestamp(),
      chatId,
      senderId,
      fromMe: false,
      ack: 1,
      senderName: author?.name ?? post.name,
      chatName: post.name,
    };
  }

  /** The bytes of one of the newest images. */
  imageBytes(sha256: string): Uint8Array | null {
    return this.#images.get(sha256) ?? null;
  }

  /** Where a draft goes: a group, an account, or a number that has none. */
  #target(sender: Account, to: Jid): { chatId: Jid; chatName: string; group: Group | null } {
    const jid = toJid(to);
    const group = this.#world.store.groups.get(jid);
    if (group?.participants.includes(sender.pn)) return { chatId: jid, chatName: group.name, group };
    const account = findAccount(this.#world, jid);
    if (account) return { chatId: addressOf(account), chatName: account.name, group: null };
    if (/^\d+@c\.us$/.test(jid)) return { chatId: jid, chatName: jid, group: null };
    throw new SandboxRefusal('UNKNOWN_CHAT', 'There is no such chat for this account.');
  }

  /** A new id out of the writer's own sequence. */
  #stanza(writer: Jid): string {
    return `3EB0${this.#world.seeded.hex(`message:${writer}`, 18)}`;
  }

  /** Keeps an image's bytes, the newest few. */
  #shelve(image: NonNullable<Draft['image']>): Media {
    const sha256 = createHash('sha256').update(image.data).digest('hex');
    this.#images.delete(sha256);
    this.#images.set(sha256, image.data);
    const [oldest] = this.#images.keys();
    if (this.#images.size > KEPT_IMAGES && oldest) this.#images.delete(oldest);
    const { mimetype, filename } = image;
    return { mimetype, size: image.data.byteLength, sha256, ...(filename && { filename }) };
  }
}
