import type { Jid } from '../../actors/domain/identity.ts';
import type { EpochMs } from '../../actors/domain/ports/clock.ts';
import { subscribe } from '../../actors/domain/subscribe.ts';
import type { SandboxNetwork } from './network.ts';
import { type PhoneView, phonesOf, type SandboxAgents } from './phones.ts';
import type {
  Account,
  AckView,
  ChatMessage,
  Group,
  NetworkSettings,
  SandboxNetworkEvents,
  WireEntry,
} from './types.ts';

/** Frames are at least this far apart: a flood comes in few, large ones. */
const FRAME_MS = 50;
const WIRE_LINES = 300;
/** What the actors tell that changes a phone's view. */
const OF_AGENTS = ['state', 'qr', 'added', 'removed'] as const;

/** What happened since the frame before; a list that nothing was added to is left out. */
export interface News {
  /** The first frame, and the one after a reset: nothing that was known before holds. */
  fresh?: true;
  /** The network's time at the end of the frame. */
  at: EpochMs;
  /** All of them, when any changed. */
  phones?: PhoneView[];
  people?: Account[];
  groups?: Group[];
  /** Copies that came into an account's chats, in order. */
  messages?: { owner: Jid; message: ChatMessage }[];
  /** Copies whose author changed or took them back, as they are now. */
  edits?: { owner: Jid; message: ChatMessage }[];
  /** What holds for everybody, when it changed. */
  settings?: NetworkSettings;
  /** The newest ack of each message. */
  acks?: ({ owner: Jid } & AckView)[];
  /** Chats that their owner has read. */
  reads?: { reader: Jid; chatId: Jid }[];
  /** Who sees someone typing now, or no longer. */
  typing?: { reader: Jid; chatId: Jid; typing: boolean }[];
  /** The newest lines of what travelled, oldest first. */
  wire?: WireEntry[];
}

/** Puts an item into a list of news, in place of the one that it makes obsolete. */
function replace<T>(list: T[] | undefined, item: T, isOld: (other: T) => boolean): T[] {
  return [...(list ?? []).filter((other) => !isOld(other)), item];
}

/** One viewer of the network: gathers what happens and writes it in frames. */
class Viewer {
  readonly #network: SandboxNetwork;
  readonly #agents: SandboxAgents;
  readonly #write: (news: News) => void;
  #news: Omit<News, 'at'> = {};
  #phonesChanged = false;
  #peopleTold = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(network: SandboxNetwork, agents: SandboxAgents, write: (news: News) => void) {
    this.#network = network;
    this.#agents = agents;
    this.#write = write;
    this.#begin();
    this.#flush();
  }

  /** Listens to the network and the actors; returns what ends it. */
  follow(): () => void {
    const stops = [
      subscribe(this.#network.events, {
        message: this.#onMessage,
        ack: this.#onAck,
        read: this.#onRead,
        typing: this.#onTyping,
        wire: this.#onWire,
        edited: this.#onEdit,
        configured: this.#onSettings,
        changed: this.#onChange,
        reset: this.#begin,
      }),
      subscribe(this.#agents.events, Object.fromEntries(OF_AGENTS.map((name) => [name, this.#onChange]))),
    ];
    return () => {
      for (const stop of stops) stop();
      if (this.#timer) clearTimeout(this.#timer);
    };
  }

  /** Everything is told anew. */
  readonly #begin = (): void => {
    const { settings } = this.#network;
    this.#news = { fresh: true, settings, wire: this.#network.wireLog().slice(-WIRE_LINES) };
    this.#onChange();
  };

  /** A phone, a person or a group is not what it was. */
  readonly #onChange = (): void => {
    this.#phonesChanged = true;
    this.#arm();
  };

  /** A copy came into somebody's chats. */
  readonly #onMessage: SandboxNetworkEvents['message'] = (owner, message) => {
    this.#news.messages ??= [];
    this.#news.messages.push({ owner, message });
    this.#arm();
  };

  /** A copy was changed by its author. */
  readonly #onEdit: SandboxNetworkEvents['edited'] = (owner, message) => {
    this.#news.edits ??= [];
    this.#news.edits.push({ owner, message });
    this.#arm();
  };

  /** Something else holds for everybody. */
  readonly #onSettings: SandboxNetworkEvents['configured'] = (settings) => {
    this.#news.settings = settings;
    this.#arm();
  };

  /** A message got further; only how far counts. */
  readonly #onAck: SandboxNetworkEvents['ack'] = (owner, ack) => {
    /** The same message. */
    const isOld = (other: NonNullable<News['acks']>[number]) =>
      other.owner === owner && other.messageId === ack.messageId;
    this.#news.acks = replace(this.#news.acks, { owner, ...ack }, isOld);
    this.#arm();
  };

  /** Somebody read a chat. */
  readonly #onRead: SandboxNetworkEvents['read'] = (reader, chatId) => {
    this.#news.reads ??= [];
    this.#news.reads.push({ reader, chatId });
    this.#arm();
  };

  /** Somebody types or stops; only the newest counts. */
  readonly #onTyping: SandboxNetworkEvents['typing'] = (change) => {
    /** The same chat, seen by the same person. */
    const isOld = ({ reader, chatId }: typeof change) => reader === change.reader && chatId === change.chatId;
    this.#news.typing = replace(this.#news.typing, change, isOld);
    this.#arm();
  };

  /** Something travelled. */
  readonly #onWire: SandboxNetworkEvents['wire'] = (entry) => {
    this.#news.wire ??= [];
    this.#news.wire.push(entry);
    if (this.#news.wire.length > WIRE_LINES) this.#news.wire.shift();
    this.#arm();
  };

  /** Plans the next frame. */
  #arm(): void {
    this.#timer ??= setTimeout(() => this.#flush(), FRAME_MS);
  }

  /** Writes the frame and begins the next. */
  #flush(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    const people = this.#network.accounts();
    if (this.#phonesChanged || people.length !== this.#peopleTold) {
      const phones = phonesOf(this.#network, this.#agents);
      Object.assign(this.#news, { phones, people, groups: this.#network.groups() });
    }
    const news = { ...this.#news, at: this.#network.clock.now() };
    this.#news = {};
    this.#phonesChanged = false;
    this.#peopleTold = people.length;
    this.#write(news);
  }
}

/**
 * Calls `write` with what happens in the simulated network, in frames; the first, at once, has the whole picture.
 *
 * @returns what stops it
 */
export function followNetwork(
  network: SandboxNetwork,
  agents: SandboxAgents,
  write: (news: News) => void,
): () => void {
  return new Viewer(network, agents, write).follow();
}
