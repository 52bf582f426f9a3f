import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Jid } from '../../actors/domain/identity.ts';
import {
  type Account,
  type ChatMessage,
  type Draft,
  type DraftFile,
  type Group,
  type Media,
  type MessageType,
  SandboxRefusal,
} from './types.ts';
import { addressOf, findAccount, isSameChat, toJid, type World } from './world.ts';

/** A status, or a channel's post (`author` null). */
export interface Post {
  chatId: Jid;
  name: string;
  author: Account | null;
  text: string;
}

const KEPT_FILES = 32;
const KEPT_BYTES = 256 * 1024 * 1024;

/** Composes messages as each side sees them, with their ids; keeps the bytes of the newest files. */
export class Composer {
  readonly #world: World;
  readonly #files = new LRUCache<string, DraftFile>({
    max: KEPT_FILES,
    maxSize: KEPT_BYTES,
    sizeCalculation: ({ data }) => Math.max(data.byteLength, 1),
  });
  /** Files whose download was refused. */
  readonly #refused = new Set<string>();

  constructor(world: World) {
    this.#world = world;
  }

  /** The sender's copy of a draft, at ack 0. @throws SandboxRefusal UNKNOWN_CHAT, UNKNOWN_QUOTE, DUPLICATE_ID */
  own(sender: Account, draft: Draft): ChatMessage {
    const { chatId, chatName, group } = this.#target(sender, draft.to);
    const quoted = draft.quoteId ? this.#world.store.message(sender.pn, draft.quoteId) : undefined;
    if (draft.quoteId && !(quoted && isSameChat(this.#world, quoted.chatId, chatId)))
      throw new SandboxRefusal('UNKNOWN_QUOTE', 'The quoted message is not in this chat.');
    const stanzaId = draft.stanzaId ?? this.newStanza(sender.pn);
    if (this.#world.store.message(sender.pn, stanzaId))
      throw new SandboxRefusal('DUPLICATE_ID', 'A message with this id was sent already.');
    const senderId = addressOf(sender);
    const message: ChatMessage = {
      id: `true_${chatId}_${stanzaId}${group ? `_${senderId}` : ''}`,
      stanzaId,
      type: typeOf(draft),
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
    const { file, location, contacts, poll, previewUrl } = draft;
    return {
      ...message,
      ...(file && { media: this.#keepFile(file) }),
      ...(location && { location }),
      ...(contacts && { contacts }),
      ...(poll && { poll: { ...poll, votes: [] } }),
      ...(previewUrl && { previewUrl }),
    };
  }

  /** The receiver's copy of a message. */
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

  /** A follower's copy of a post. */
  post(post: Post): ChatMessage {
    const { chatId, author } = post;
    const stanzaId = this.newStanza(author?.pn ?? chatId);
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

  /** A file as it was sent last; null when it is not among the newest. */
  file(sha256: string): DraftFile | null {
    return this.#files.get(sha256) ?? null;
  }

  /** A file that a device downloads; null when WhatsApp refuses it, or does not have it any more. */
  download(sha256: string): DraftFile | null {
    const { mediaRefusals } = this.#world.settings;
    const isRefused = mediaRefusals === 'always' || (mediaRefusals === 'once' && !this.#refused.has(sha256));
    if (!isRefused) return this.file(sha256);
    this.#refused.add(sha256);
    return null;
  }

  /** The chat of a draft: a group, an account, or a number without one. */
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
  newStanza(writer: Jid): string {
    return `3EB0${this.#world.seeded.hex(`message:${writer}`, 18)}`;
  }

  /** Keeps a file's bytes for a while. */
  #keepFile(file: DraftFile): Media {
    const { type: _, data, ...facts } = file;
    const sha256 = createHash('sha256').update(data).digest('hex');
    this.#files.set(sha256, file);
    const known = Object.entries(facts).filter(([, value]) => value !== undefined);
    return { ...(Object.fromEntries(known) as typeof facts), size: data.byteLength, sha256 };
  }
}

/** WhatsApp's type of a draft. */
function typeOf({ file, location, contacts, poll }: Draft): MessageType {
  if (file) return file.type;
  if (location) return 'location';
  if (contacts) return contacts.length === 1 ? 'vcard' : 'multi_vcard';
  return poll ? 'poll_creation' : 'chat';
}
