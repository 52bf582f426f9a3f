import type { EventEmitter } from 'eventemitter3';
import type { ChatAddress, ChatMode, ChatView } from '../domain/chats.ts';
import { isDatabaseAway } from '../domain/errors.ts';
import type { GatewayEvents } from '../domain/gateway-events.ts';
import type { AgentRef, Jid } from '../domain/identity.ts';
import type { EpochMs, Scheduler, Timer } from '../domain/ports/clock.ts';
import type { ChatModeChange, ChatStore, StoredChat } from '../domain/ports/stores.ts';
import type { ActorSettings } from '../domain/settings.ts';
import { retry } from '../domain/timeout.ts';

/** What the chat modes of all agents share. */
export interface ChatModesDeps {
  settings: Pick<ActorSettings, 'limits'>;
  clock: Scheduler;
  chats: ChatStore;
  events: EventEmitter<GatewayEvents>;
}

/** A chat with a mode other than `bot`, or with a history for the AI. */
interface Chat {
  chatId: Jid;
  lid: Jid | null;
  mode: ChatMode;
  since: EpochMs;
  until: EpochMs | null;
  /** Of a chat that the AI handed over: replies accepted until then still leave. */
  repliesUntil: EpochMs | null;
  hasHistory: boolean;
}

/** A turn in progress. */
interface RunningTurn {
  chat: ChatAddress;
  stop(): void;
}

type Cause = ChatModeChange['cause'];

/** Timers hold at most 24 days; one for a later moment is set again. */
const LONGEST_TIMER_MS = 86_400_000;
const MINUTE_MS = 60_000;

/**
 * Who answers which chat of an agent, in memory and in the database. A person is one chat, by number and by LID: where
 * a caller knows both, the two are joined. Modes end by the wall clock, with one timer for the next one.
 */
export class ChatModes {
  readonly #deps: ChatModesDeps;
  readonly #agent: AgentRef;
  /** By each address. */
  readonly #chats = new Map<Jid, Chat>();
  readonly #turns = new Set<RunningTurn>();
  /** Changes that no write has taken along yet, by chat. */
  readonly #unwritten = new Map<Jid, ChatModeChange[]>();
  readonly #closed = new AbortController();
  #loaded: Promise<void> | null = null;
  #timer: Timer | null = null;
  /** Orders the writes. */
  #line: Promise<unknown> = Promise.resolve();

  constructor(deps: ChatModesDeps, agent: AgentRef) {
    this.#deps = deps;
    this.#agent = agent;
  }

  /** Reads what an earlier process stored; once, unless it fails. @throws GatewayError `DATABASE_UNAVAILABLE` */
  load(): Promise<void> {
    this.#loaded ??= this.#load().catch((error: unknown) => {
      this.#loaded = null;
      throw error;
    });
    return this.#loaded;
  }

  /** Aborted by `close`. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  /** Writes nothing more, and waits for the write in progress; modes can still be read. */
  async close(): Promise<void> {
    this.#closed.abort();
    if (this.#timer) this.#deps.clock.clearTimeout(this.#timer);
    await this.#line;
  }

  modeOf(address: ChatAddress): ChatMode {
    return this.#modeOf(this.#find(address));
  }

  view(address: ChatAddress): ChatView {
    return this.#viewOf(this.#find(address)) ?? { chatId: address.chatId, mode: 'bot' };
  }

  /** The chats with this mode, the newest change first. */
  list(mode: ChatMode): ChatView[] {
    const views = [...new Set(this.#chats.values())].flatMap((chat) => this.#viewOf(chat) ?? []);
    return views
      .filter((view) => view.mode === mode)
      .sort((one, other) => (other.since ?? 0) - (one.since ?? 0));
  }

  /** How many chats have this mode. */
  count(mode: ChatMode): number {
    return this.#chats.size === 0 ? 0 : this.list(mode).length;
  }

  /** True when something is recorded of the chat for its next request to the AI. */
  hasHistory(address: ChatAddress): boolean {
    return this.#find(address)?.hasHistory ?? false;
  }

  /** Something was recorded of the chat, or (false) the AI has been given it. Returns the id of the chat. */
  noteHistory(address: ChatAddress, hasHistory: boolean): Jid {
    const chat = this.#find(address) ?? this.#newChat(address);
    const isKnown = this.#chats.has(chat.chatId);
    chat.hasHistory = hasHistory;
    if (isKnown === (hasHistory || this.#modeOf(chat) !== 'bot')) return chat.chatId;
    this.#place(chat);
    this.#persist(chat.chatId);
    return chat.chatId;
  }

  /** Calls `stop` when the chat is no longer the bot's; the returned function ends that. */
  watch(chat: ChatAddress, stop: () => void): () => void {
    const turn = { chat, stop };
    this.#turns.add(turn);
    return () => void this.#turns.delete(turn);
  }

  /** A caller sets the mode: stored first. @throws GatewayError `DATABASE_UNAVAILABLE` */
  async set(
    address: ChatAddress,
    change: { mode: ChatMode; minutes?: number; traceId: string },
  ): Promise<ChatView> {
    await this.load();
    const { mode, minutes, traceId } = change;
    return this.#inLine(async () => {
      const next = () => {
        const now = this.#deps.clock.now();
        const former = this.#find(address) ?? this.#newChat(address);
        const until = minutes === undefined ? null : now + minutes * MINUTE_MS;
        const since = this.#modeOf(former) === mode ? former.since : now;
        return { ...former, mode, since, until, repliesUntil: null };
      };
      const first = next();
      const change = this.#changeTo(first, 'api');
      await this.#write(first, change ? [change] : []);
      // Meanwhile the chat may have got a history.
      const chat = next();
      this.#change(chat, 'api', traceId);
      return this.#viewOf(chat) ?? { chatId: chat.chatId, mode };
    });
  }

  /**
   * A person wrote in the chat: it is that person's until then, unless it is closed or for longer already; no reply of
   * before leaves any more.
   */
  personWrote(address: ChatAddress, at: EpochMs, until: EpochMs): void {
    const chat = this.#find(address) ?? this.#newChat(address);
    const mode = this.#modeOf(chat);
    const isAfter = mode === 'human' ? chat.until !== null && until > chat.until : mode === 'bot';
    const isLonger = isAfter && until > this.#deps.clock.now();
    if (!isLonger && chat.repliesUntil === null) return;
    const change = isLonger && { mode: 'human' as const, since: mode === 'human' ? chat.since : at, until };
    this.#change({ ...chat, ...change, repliesUntil: null }, 'person');
    this.#persist(chat.chatId);
  }

  /** The AI hands the chat over, for some minutes or (null) until a caller gives it back; unless it is the bot's no more. */
  handOff(address: ChatAddress, minutes: number | null, traceId: string): void {
    const chat = this.#find(address) ?? this.#newChat(address);
    if (this.#modeOf(chat) !== 'bot') return;
    const now = this.#deps.clock.now();
    const until = minutes === null ? null : now + minutes * MINUTE_MS;
    this.#change({ ...chat, mode: 'human', since: now, until, repliesUntil: now }, 'ai', traceId);
    this.#persist(chat.chatId);
  }

  /** True when a reply that was accepted then may leave: the chat is the bot's, or the AI handed it over afterwards. */
  permitsReply(address: ChatAddress, acceptedAt: EpochMs): boolean {
    const chat = this.#find(address);
    return this.#modeOf(chat) === 'bot' || acceptedAt <= (chat?.repliesUntil ?? Number.NEGATIVE_INFINITY);
  }

  /** A chat that nothing is known of. */
  #newChat({ chatId, lid }: ChatAddress): Chat {
    return {
      chatId,
      lid: lid ?? null,
      mode: 'bot',
      since: this.#deps.clock.now(),
      until: null,
      repliesUntil: null,
      hasHistory: false,
    };
  }

  /** The mode of a chat at this moment. */
  #modeOf(chat: Chat | undefined): ChatMode {
    const hasEnded = chat === undefined || (chat.until !== null && chat.until <= this.#deps.clock.now());
    return hasEnded ? 'bot' : chat.mode;
  }

  /** The view of a chat that is not the bot's; null otherwise. */
  #viewOf(chat: Chat | undefined): ChatView | null {
    const mode = this.#modeOf(chat);
    if (!chat || mode === 'bot') return null;
    const { chatId, since, until } = chat;
    return { chatId, mode, since, ...(until !== null && { until }) };
  }

  /** The chat under either address. Where both are known, what is under one is joined with what is under the other. */
  #find({ chatId, lid }: ChatAddress): Chat | undefined {
    const byId = this.#chats.get(chatId);
    if (!lid || lid === chatId) return byId;
    const byLid = this.#chats.get(lid);
    if (byId === byLid) return byId;
    return this.#join(chatId, lid, byId, byLid);
  }

  /** Makes one chat of the two addresses of a person: the newer mode holds. */
  #join(chatId: Jid, lid: Jid, byId: Chat | undefined, byLid: Chat | undefined): Chat {
    const [newer, older] = (byLid?.since ?? 0) > (byId?.since ?? 0) ? [byLid, byId] : [byId, byLid];
    const chat = {
      ...(newer ?? this.#newChat({ chatId, lid })),
      chatId,
      lid,
      hasHistory: newer?.hasHistory || older?.hasHistory || false,
    };
    for (const former of [byId, byLid]) if (former) this.#displace(former);
    this.#place(chat);
    if (byLid && byLid.chatId !== chatId)
      this.#inBackground(() => this.#deps.chats.merge(this.#agent, byLid.chatId, chatId));
    this.#persist(chatId);
    this.#arm();
    return chat;
  }

  /** Takes a chat out of the map. */
  #displace({ chatId, lid }: Chat): void {
    this.#chats.delete(chatId);
    if (lid) this.#chats.delete(lid);
  }

  /** Puts a chat into the map, unless there is nothing to know of it. */
  #place(chat: Chat): void {
    this.#displace(chat);
    if (!isWorthKeeping(chat)) return;
    this.#chats.set(chat.chatId, chat);
    if (chat.lid) this.#chats.set(chat.lid, chat);
  }

  /** How a chat changes by this; null when neither its mode nor its end does. */
  #changeTo({ chatId, mode, since, until }: Chat, cause: Cause): ChatModeChange | null {
    const former = this.#chats.get(chatId);
    const from = cause === 'expired' ? (former?.mode ?? 'bot') : this.#modeOf(former);
    if (from === mode && former?.until === until) return null;
    const end = until === null ? {} : { until: new Date(until) };
    const at = new Date(this.#deps.clock.now());
    return { chatId, from, mode, since: new Date(since), ...end, cause, at };
  }

  /** The chat has another mode or end: turns in progress are stopped, watchers are notified. */
  #change(chat: Chat, cause: Cause, traceId?: string): void {
    const change = this.#changeTo(chat, cause);
    this.#place(chat);
    this.#arm();
    const { chatId, lid, mode, since, until } = chat;
    if (mode !== 'bot')
      for (const turn of [...this.#turns])
        if ([turn.chat.chatId, turn.chat.lid].some((jid) => jid === chatId || (lid && jid === lid)))
          turn.stop();
    if (!change) return;
    const { from } = change;
    const { agentId } = this.#agent;
    // A caller's is written by now.
    if (cause !== 'api') this.#unwritten.set(chatId, [...(this.#unwritten.get(chatId) ?? []), change]);
    this.#deps.events.emit('chatMode', { agentId, chatId, from, mode, since, until, cause, traceId });
  }

  /** Sets the one timer for the next mode that ends. */
  #arm(): void {
    const { clock } = this.#deps;
    if (this.#timer) clock.clearTimeout(this.#timer);
    this.#timer = null;
    let next = Number.POSITIVE_INFINITY;
    for (const { mode, until } of this.#chats.values())
      if (mode !== 'bot' && until !== null) next = Math.min(next, until);
    if (next === Number.POSITIVE_INFINITY || this.#closed.signal.aborted) return;
    const wait = Math.min(Math.max(0, next - clock.now()), LONGEST_TIMER_MS);
    this.#timer = clock.setTimeout(() => this.#expire(), wait);
  }

  /** Gives the chats whose time has come back to the bot. */
  #expire(): void {
    for (const chat of new Set(this.#chats.values())) {
      if (chat.mode === 'bot' || this.#modeOf(chat) !== 'bot') continue;
      this.#change({ ...chat, mode: 'bot', since: chat.until!, until: null, repliesUntil: null }, 'expired');
      this.#persist(chat.chatId);
    }
    this.#arm();
  }

  async #load(): Promise<void> {
    for (const { since, until, repliesUntil, ...stored } of await this.#deps.chats.load(this.#agent))
      this.#place({
        ...stored,
        since: since.getTime(),
        until: until?.getTime() ?? null,
        repliesUntil: repliesUntil?.getTime() ?? null,
      });
    this.#arm();
  }

  /** Writes a chat as it is in memory by then; retried while the database is away. */
  #persist(chatId: Jid): void {
    this.#inBackground(async () => {
      const chat = this.#chats.get(chatId);
      const changes = this.#unwritten.get(chatId) ?? [];
      await (chat ? this.#write(chat, changes) : this.#deps.chats.remove(this.#agent, chatId, changes));
      const later = this.#unwritten.get(chatId)?.slice(changes.length) ?? [];
      if (later.length > 0) this.#unwritten.set(chatId, later);
      else this.#unwritten.delete(chatId);
    });
  }

  /** Writes a chat, or deletes one that there is nothing to know of, with what has changed. */
  #write(
    { hasHistory, since, until, repliesUntil, ...chat }: Chat,
    changes: ChatModeChange[],
  ): Promise<void> {
    const row: StoredChat = {
      ...chat,
      since: new Date(since),
      until: until === null ? null : new Date(until),
      repliesUntil: repliesUntil === null ? null : new Date(repliesUntil),
    };
    const isKept = isWorthKeeping({ ...chat, hasHistory });
    return isKept
      ? this.#deps.chats.save(this.#agent, row, changes)
      : this.#deps.chats.remove(this.#agent, row.chatId, changes);
  }

  /** Runs a write without a caller after those before it; while the database is away it is retried. */
  #inBackground(write: () => Promise<void>): void {
    const { clock, settings, events } = this.#deps;
    const { signal } = this.#closed;
    if (signal.aborted) return;
    const options = { clock, everyMs: settings.limits.probeAgainMs, signal, shouldRetry: isDatabaseAway };
    retry(() => this.#inLine(write), options).catch((error: unknown) => {
      if (!signal.aborted) events.emit('fault', { agentId: this.#agent.agentId, where: 'chats', error });
    });
  }

  /** Runs a write after those before it. */
  #inLine<T>(write: () => Promise<T>): Promise<T> {
    const written = this.#line.then(write);
    this.#line = written.catch(() => undefined);
    return written;
  }
}

/** False for a chat of which there is nothing to know. */
function isWorthKeeping({ mode, hasHistory }: Pick<Chat, 'mode' | 'hasHistory'>): boolean {
  return mode !== 'bot' || hasHistory;
}
