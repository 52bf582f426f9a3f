import type { Jid } from '../../actors/domain/identity.ts';
import type { EpochMs } from '../../actors/domain/ports/clock.ts';
import { subscribe } from '../../actors/domain/subscribe.ts';
import type { SandboxNetwork } from '../network/network.ts';
import type { Account, AckView, ChatMessage, Group, NetworkSettings, WireEntry } from '../network/types.ts';
import { type PhoneView, phonesOf, type SandboxAgents } from './phones.ts';

/** Minimum time between frames: a flood is sent in few, large ones. */
const FRAME_MS = 50;
const WIRE_LINES = 300;

/** What happened since the last frame; what has not changed is left out. */
export interface News {
  /** In the first frame, and in the first after a reset: replaces all that was sent before. */
  fresh?: true;
  /** The network's time at the end of the frame. */
  at: EpochMs;
  /** All of them, when any changed. */
  phones?: PhoneView[];
  people?: Account[];
  groups?: Group[];
  settings?: NetworkSettings;
  /** New copies in an account's chats, in order. */
  messages?: { owner: Jid; message: ChatMessage }[];
  /** Copies that were edited, revoked, reacted to or voted in. */
  edits?: { owner: Jid; message: ChatMessage }[];
  /** The newest ack of each message. */
  acks?: ({ owner: Jid } & AckView)[];
  /** Chats that their owner has read. */
  reads?: { reader: Jid; chatId: Jid }[];
  /** The newest indicator of each chat. */
  typing?: { reader: Jid; chatId: Jid; typing: boolean }[];
  /** The newest lines of the wire log, oldest first. */
  wire?: WireEntry[];
}

type Lists = Required<Pick<News, 'messages' | 'edits' | 'acks' | 'reads' | 'typing' | 'wire'>>;

/**
 * Writes what happens on the simulated network in frames; the first, written at once, has everything.
 *
 * @returns what stops it
 */
export function followNetwork(
  network: SandboxNetwork,
  agents: SandboxAgents,
  write: (news: News) => void,
): () => void {
  let news: Omit<News, 'at'> = {};
  let phonesChanged = false;
  let peopleSent = 0;
  let timer: NodeJS.Timeout | null = null;

  const flush = () => {
    if (timer) clearTimeout(timer);
    timer = null;
    const people = network.accounts();
    if (phonesChanged || people.length !== peopleSent)
      Object.assign(news, { phones: phonesOf(network, agents), people, groups: network.groups() });
    const frame = { ...news, at: network.clock.now() };
    news = {};
    phonesChanged = false;
    peopleSent = people.length;
    write(frame);
  };
  const plan = () => {
    timer ??= setTimeout(flush, FRAME_MS);
  };
  const onChanged = () => {
    phonesChanged = true;
    plan();
  };
  const startAfresh = () => {
    news = { fresh: true, settings: network.settings, wire: network.wireLog().slice(-WIRE_LINES) };
    onChanged();
  };

  /** Appends to a list of the frame, in place of the item that it makes obsolete. */
  function add<Name extends keyof Lists>(
    name: Name,
    item: Lists[Name][number],
    isObsolete?: (other: Lists[Name][number]) => boolean,
  ): void {
    const list: Lists[Name][number][] = news[name] ?? [];
    const obsolete = isObsolete ? list.findIndex(isObsolete) : -1;
    if (obsolete >= 0) list.splice(obsolete, 1);
    list.push(item);
    Object.assign(news, { [name]: list });
    plan();
  }

  const stops = [
    subscribe(network.events, {
      message: (owner, message) => add('messages', { owner, message }),
      edited: (owner, message) => add('edits', { owner, message }),
      addon: (owner, message) => add('edits', { owner, message }),
      ack: (owner, ack) =>
        add('acks', { owner, ...ack }, (other) => other.owner === owner && other.messageId === ack.messageId),
      read: (reader, chatId) => add('reads', { reader, chatId }),
      typing: (change) =>
        add('typing', change, ({ reader, chatId }) => reader === change.reader && chatId === change.chatId),
      wire: (entry) => add('wire', entry, () => (news.wire?.length ?? 0) >= WIRE_LINES),
      configured: (settings) => {
        news.settings = settings;
        plan();
      },
      changed: onChanged,
      reset: startAfresh,
    }),
    subscribe(agents.events, { state: onChanged, qr: onChanged, added: onChanged, removed: onChanged }),
  ];
  startAfresh();
  flush();
  return () => {
    for (const stop of stops) stop();
    if (timer) clearTimeout(timer);
  };
}
