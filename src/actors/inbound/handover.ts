import type { EventEmitter } from 'eventemitter3';
import type { ChatAddress, ChatMode, HistoryEntry } from '../domain/chats.ts';
import { isDatabaseAway } from '../domain/errors.ts';
import type { GatewayEvents } from '../domain/gateway-events.ts';
import type { AgentRef } from '../domain/identity.ts';
import type { EpochMs, Scheduler } from '../domain/ports/clock.ts';
import type { ChatStore, InboundLog, MessageLog, StoredMessage } from '../domain/ports/stores.ts';
import type { InboundMessage } from '../domain/ports/whatsapp.ts';
import type { ActorSettings, EffectiveSettings } from '../domain/settings.ts';
import { retry } from '../domain/timeout.ts';
import type { OwnStanzas } from '../outbound/own-stanzas.ts';
import type { ChatModes } from './chat-modes.ts';
import { contentTypeOf, hasContent } from './content-types.ts';
import { messageKey } from './message-changes.ts';

/** What the handovers of all agents share. */
export interface HandoverDeps {
  settings: Pick<ActorSettings, 'limits'>;
  clock: Scheduler;
  events: EventEmitter<GatewayEvents>;
  inbound: Pick<InboundLog, 'claim'>;
  messages: Pick<MessageLog, 'isOurs'>;
  chats: ChatStore;
  ownStanzas: OwnStanzas;
}

/** One agent's part. */
export interface HandoverParts {
  agent: AgentRef;
  modes: ChatModes;
  settings(): EffectiveSettings;
}

/** What the AI is given of the time in which it was not asked. */
export interface History {
  entries: HistoryEntry[];
  /** The AI has answered: it is not given them again. */
  used(): void;
}

const MINUTE_MS = 60_000;

/** The chat of a message. */
export function chatOf({ chatId, chatLid }: InboundMessage): ChatAddress {
  return { chatId, lid: chatLid };
}

/**
 * Hands chats over to the people who write in them on the phone or another linked device, and keeps what passes for the
 * AI. Messages of this service are recognised by their stanza ids, which it chose.
 */
export class Handover {
  readonly #deps: HandoverDeps;
  readonly #parts: HandoverParts;
  /** Own messages whose writer is being looked up. */
  readonly #lookUps = new Set<{ chat: ChatAddress; done: Promise<unknown> }>();
  /** Orders what is recorded and read. */
  #line: Promise<unknown> = Promise.resolve();

  constructor(deps: HandoverDeps, parts: HandoverParts) {
    this.#deps = deps;
    this.#parts = parts;
  }

  /** Looks nothing up and records nothing any more. */
  async close(): Promise<void> {
    const closed = this.#parts.modes.close();
    await Promise.all([this.#line, closed]);
  }

  /** Takes a message of the account itself; `ageMs` old. True when a person wrote it, as far as that matters. */
  own(message: InboundMessage, ageMs: number): Promise<boolean> {
    const chat = chatOf(message);
    const { modes, settings } = this.#parts;
    const minutes = settings().handoverMinutes;
    const stanzaId = message.id.split('_')[2] ?? '';
    const matters = minutes > 0 || modes.modeOf(chat) !== 'bot';
    if (!matters || !hasContent(message) || this.#deps.ownStanzas.has(stanzaId))
      return Promise.resolve(false);
    const done = this.#look(message, stanzaId, { ageMs, minutes }).finally(() =>
      this.#lookUps.delete(lookUp),
    );
    const lookUp = { chat, done: done.catch(() => undefined) };
    this.#lookUps.add(lookUp);
    return done;
  }

  /** Resolves once it is known who wrote the own messages of the chat; null when it is. */
  settling({ chatId, lid }: ChatAddress): Promise<unknown> | null {
    if (this.#lookUps.size === 0) return null;
    const isSame = ({ chat }: { chat: ChatAddress }) =>
      [chat.chatId, chat.lid].some((jid) => jid !== undefined && (jid === chatId || jid === lid));
    const open = [...this.#lookUps].filter(isSame).map(({ done }) => done);
    return open.length > 0 ? Promise.all(open) : null;
  }

  /** The mode of a chat, by what is known now. */
  modeOf(chat: ChatAddress): ChatMode {
    return this.#parts.modes.modeOf(chat);
  }

  /** Calls `stop` when the chat is no longer the bot's; the returned function ends that. */
  watch(chat: ChatAddress, stop: () => void): () => void {
    return this.#parts.modes.watch(chat, stop);
  }

  /** The AI hands the chat over: for `handoverMinutes`, or until a caller gives it back where these are 0. */
  handOff(chat: ChatAddress, traceId: string): void {
    const { modes, settings } = this.#parts;
    modes.handOff(chat, settings().handoverMinutes || null, traceId);
  }

  /** True when a stored reply may still leave: its chat is the bot's, or was when the AI handed it over. */
  async permits({ to, chatId, createdAt }: StoredMessage): Promise<boolean> {
    const chat = { chatId: to, lid: chatId?.endsWith('@lid') ? chatId : undefined };
    await this.settling(chat);
    return this.#parts.modes.permitsReply(chat, createdAt.getTime());
  }

  /** Keeps a message for the AI. */
  record(message: InboundMessage, by: HistoryEntry['by'], arrivedAt: EpochMs): void {
    const { id, fromMe, type, body, timestamp } = message;
    const { agent, modes } = this.#parts;
    const entry = { fromMe, by, text: body, type: contentTypeOf(type), at: new Date(timestamp) };
    const recorded = { ...entry, key: messageKey(id), arrivedAt: new Date(arrivedAt) };
    const chatId = modes.noteHistory(chatOf(message), true);
    this.#later(() => this.#deps.chats.record(agent, chatId, recorded));
  }

  /** What passed since the AI was last asked about the chat; null when nothing did, or it can't be read now. */
  async history(chat: ChatAddress): Promise<History | null> {
    const { agent, modes } = this.#parts;
    if (!modes.hasHistory(chat)) return null;
    await this.#line;
    try {
      const { entries, lastId } = await this.#deps.chats.history(agent, modes.noteHistory(chat, true));
      return entries.length === 0 ? null : { entries, used: () => this.#forget(chat, lastId) };
    } catch (error) {
      this.#fault(error);
      return null;
    }
  }

  /** Deletes what the AI has been given. */
  #forget(chat: ChatAddress, lastId: string): void {
    const { agent, modes } = this.#parts;
    const chatId = modes.noteHistory(chat, false);
    this.#later(() => this.#deps.chats.forget(agent, chatId, lastId));
  }

  /** Runs a write without a caller after those before it. */
  #later(write: () => Promise<void>): void {
    this.#line = this.#line.then(() => this.#patiently(write)).catch((error: unknown) => this.#fault(error));
  }

  /** Looks up who wrote an own message; the first report of a person's hands the chat over. */
  async #look(
    message: InboundMessage,
    stanzaId: string,
    { ageMs, minutes }: { ageMs: number; minutes: number },
  ): Promise<boolean> {
    const { messages, inbound, clock } = this.#deps;
    const { agent, modes } = this.#parts;
    const arrivedAt = clock.now();
    if (await this.#patiently(() => messages.isOurs(stanzaId))) return false;
    let calls = 0;
    const claim = () => {
      calls += 1;
      return inbound.claim(agent, messageKey(message.id));
    };
    // Where the result of a call was lost, the claim may be its own; counting a message twice changes nothing by then.
    if (!(await this.#patiently(claim)) && calls === 1) return true;
    const at = arrivedAt - ageMs;
    modes.personWrote(chatOf(message), at, at + minutes * MINUTE_MS);
    if (modes.modeOf(chatOf(message)) !== 'bot') this.record(message, 'human', arrivedAt);
    return true;
  }

  /** Calls again while the database is away. */
  #patiently<T>(call: () => Promise<T>): Promise<T> {
    const { clock, settings } = this.#deps;
    const signal = this.#parts.modes.closed;
    return retry(call, { clock, everyMs: settings.limits.probeAgainMs, signal, shouldRetry: isDatabaseAway });
  }

  /** Publishes an error that no caller receives. */
  #fault(error: unknown): void {
    if (this.#parts.modes.closed.aborted) return;
    this.#deps.events.emit('fault', { agentId: this.#parts.agent.agentId, where: 'handover', error });
  }
}
