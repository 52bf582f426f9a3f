import { isDeepStrictEqual } from 'node:util';
import { EventEmitter } from 'eventemitter3';
import type { ChatAddress } from '../../actors/domain/chats.ts';
import { TEXTS } from '../../actors/domain/error-texts.ts';
import { GatewayError } from '../../actors/domain/errors.ts';
import type { AgentRef, Jid } from '../../actors/domain/identity.ts';
import {
  type ChangeContent,
  comparedOf,
  isChange,
  type MessageContent,
} from '../../actors/domain/message-content.ts';
import type { EpochMs } from '../../actors/domain/ports/clock.ts';
import type {
  ChatMessage,
  ChatSummary,
  Contact,
  DownloadOptions,
  Handover,
  HandoverOptions,
  InboundMessage,
  PageEnd,
  PageQuery,
  SentQuery,
  WebAuthnJson,
  WhatsAppClient,
  WhatsAppClientEvents,
} from '../../actors/domain/ports/whatsapp.ts';
import { abortable, withTimeout } from '../../actors/domain/timeout.ts';
import type { SandboxNetwork } from '../network/network.ts';
import type { SavedTokens } from '../network/saved-tokens.ts';
import {
  type CallView,
  type ChatView,
  type Device,
  type ChatMessage as NetworkMessage,
  type ReactionView,
  SandboxRefusal,
} from '../network/types.ts';
import { ChatPages, pageOfMessages } from './chat-pages.ts';
import { changeIdOf, comparedOfMessage, draftOf } from './contents.ts';
import { newestOf, PortViews } from './port-views.ts';
import { callError, ignoreRefusal, throwLinkingError, type UnansweredOutcome } from './refusals.ts';

/** Time limits of the start and of any other call, ms. */
export interface SandboxDeadlines {
  startMs: number;
  callMs: number;
}

// Socket states of a living session, as whatsapp-web.js classifies them; any other ends it.
const LIVING_STATES = new Set(['CONNECTED', 'OPENING', 'PAIRING', 'TIMEOUT']);
// Socket states before a device is linked.
const UNLINKED_STATES = new Set(['UNLAUNCHED', 'UNPAIRED', 'UNPAIRED_IDLE']);

const PIECE_BYTES = 1024 * 1024;
const WATCHED_CHATS = 1_000;
const RECEIPTS_FOR_MS = 24 * 3_600_000;

/** Where the login of an agent is kept. */
export type Logins = Pick<SavedTokens, 'claim' | 'of' | 'save'>;

/** A session on the simulated WhatsApp. */
export class SandboxClient implements WhatsAppClient {
  readonly events = new EventEmitter<WhatsAppClientEvents>();
  readonly #network: SandboxNetwork;
  readonly #agent: AgentRef;
  readonly #logins: Logins;
  readonly #deadlines: SandboxDeadlines;
  readonly #onEnd: () => void;
  /** Chats whose typing is reported, the newest last. */
  readonly #watched = new Set<Jid>();
  readonly #pages = new ChatPages();
  readonly #views: PortViews;
  #device: Device | null = null;
  #ready = false;
  #ended = false;
  /** Fails the opening that is under way. */
  #failOpening: (why: string) => void = () => undefined;

  constructor(
    network: SandboxNetwork,
    agent: AgentRef,
    logins: Logins,
    deadlines: SandboxDeadlines,
    onEnd: () => void,
  ) {
    this.#network = network;
    this.#agent = agent;
    this.#logins = logins;
    this.#deadlines = deadlines;
    this.#onEnd = onEnd;
    this.#views = new PortViews(network, () => this.#device?.me?.pn);
  }

  async start(): Promise<void> {
    const failed = (why: string) => new GatewayError('SESSION_START_FAILED', `The session ${why}.`);
    if (this.#ended || this.#device) throw failed('was started or ended already');
    await withTimeout(this.#network.clock, this.#open(failed), this.#deadlines.startMs, () =>
      failed('did not start in time'),
    );
  }

  async logout(): Promise<void> {
    await this.#call((device) => device.logout());
    await this.destroy();
  }

  async destroy(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    this.#network.events.off('configured', this.#checkSelf);
    this.events.removeAllListeners();
    this.#device?.close();
    this.#failOpening('was ended');
    this.#onEnd();
  }

  async reload(): Promise<void> {
    this.#current().close();
    this.#ready = false;
    const failed = (why: string) => new GatewayError('BAD_GATEWAY', `The page ${why}.`);
    await withTimeout(this.#network.clock, this.#open(failed), this.#deadlines.callMs, () =>
      failed('did not reload in time'),
    );
  }

  async send(to: Jid, content: MessageContent, options: HandoverOptions = {}): Promise<Handover> {
    const { missing } = this.#network.settings;
    if (missing.length > 0)
      throw new GatewayError('BAD_GATEWAY', TEXTS.BAD_GATEWAY.pageChanged, {
        details: { outcome: 'failed', missing },
      });
    if (isChange(content)) return this.#change(to, content);
    const { callMs } = this.#deadlines;
    const parts = await draftOf(content, callMs).catch((cause: unknown) => {
      const details = { outcome: 'failed' } as const;
      throw new GatewayError('BAD_GATEWAY', TEXTS.BAD_GATEWAY.fileUnreadable, { cause, details });
    });
    return handoverOf(await this.#call((device) => device.send({ to, ...parts, ...options }), 'unknown'));
  }

  setTyping(chatId: Jid, typing: boolean): Promise<void> {
    return this.#call((device) => device.setTyping(chatId, typing));
  }

  markRead(chatId: Jid): Promise<void> {
    return this.#call(async (device) => {
      for (const { id } of await this.#chatOf(device, chatId)) await device.markSeen(id);
    });
  }

  watchTyping(chatId: Jid): Promise<void> {
    return this.#call(async ({ me }) => {
      if (chatId.endsWith('@g.us')) return;
      this.#watched.delete(chatId);
      this.#watched.add(chatId);
      if (this.#watched.size > WATCHED_CHATS) this.#watched.delete(this.#watched.values().next().value!);
      if (me && this.#network.isTyping(me.pn, chatId)) this.events.emit('typing', { chatId, typing: true });
    });
  }

  resolveRecipient(jid: Jid): Promise<Jid | null> {
    if (!jid.endsWith('@c.us')) return Promise.resolve(jid);
    return this.#call((device) => device.queryExists(jid));
  }

  identify(jid: Jid): Promise<ChatAddress> {
    return this.#call(async () => this.#views.personOf(jid));
  }

  probe(): Promise<string> {
    return this.#call((device) => device.probe());
  }

  async findSent(query: SentQuery): Promise<Handover[]> {
    const { content } = query;
    if (isChange(content)) return this.#findChange(query.to, content);
    return this.#call(async (device) => {
      const itself = query.stanzaId === undefined ? null : await device.findMessage(query.stanzaId);
      if (itself) return [handoverOf(itself)];
      // As the page does, under this person's own addresses only.
      const { pn, lid } = this.#network.contact(query.to);
      const addresses = pn === query.to && lid ? [pn, lid] : [query.to];
      const chats = await Promise.all(addresses.map((address) => device.messages(address)));
      const own = chats.flat().filter(({ fromMe }) => fromMe);
      const wanted = comparedOf(content);
      const alike = own.filter(
        (message) =>
          message.timestamp >= wholeSecond(query.since) &&
          isDeepStrictEqual(comparedOfMessage(message), wanted),
      );
      return alike.map(handoverOf).reverse();
    });
  }

  requestPairingCode(phoneNumber: string): Promise<string> {
    return this.#call((device) => device.requestPairingCode(phoneNumber).catch(throwLinkingError));
  }

  answerPasskey(assertion: WebAuthnJson): Promise<void> {
    return this.#call(async (device) => {
      try {
        await device.answerPasskey(assertion);
      } catch (error) {
        // The page asks for another passkey.
        if (error instanceof SandboxRefusal && error.reason === 'WRONG_PASSKEY') this.#askForPasskey(device);
        throwLinkingError(error);
      }
    });
  }

  fetchMissed(query: { since: EpochMs; perChat: number }): Promise<InboundMessage[]> {
    return this.#call(async (device) => {
      const since = wholeSecond(query.since);
      const missed = await Promise.all(
        (await device.chats()).map(async ({ id }) => {
          const messages = (await device.messages(id)).filter(({ timestamp }) => timestamp >= since);
          return [true, false].flatMap((own) =>
            messages.filter(({ fromMe }) => fromMe === own).slice(-query.perChat),
          );
        }),
      );
      const inOrder = missed.flat().sort((one, other) => one.timestamp - other.timestamp);
      return inOrder.map((message) => this.#views.inboundOf(message));
    });
  }

  listChats(query: PageQuery): Promise<{ chats: ChatSummary[]; next?: PageEnd }> {
    return this.#call(async (device) => {
      const chats = this.#views.chatsOf(await device.chats());
      const places = [...chats].map(([id, views]) => ({ id, at: newestOf(views)?.timestamp ?? 0 }));
      const { ids, next } = this.#pages.page(places, query);
      const found = ids.flatMap((id) => (chats.has(id) ? [chats.get(id)!] : []));
      return { chats: found.map((views) => this.#views.summaryOf(views)), next };
    });
  }

  listMessages(chatId: Jid, query: PageQuery): Promise<{ messages: ChatMessage[]; next?: PageEnd }> {
    return this.#call(async (device) => {
      const chat = await this.#chatOf(device, chatId);
      const messages = await Promise.all(chat.map(({ id }) => device.messages(id)));
      const inOrder = messages.flat().sort((one, other) => one.timestamp - other.timestamp);
      const page = pageOfMessages(inOrder, query);
      return { ...page, messages: page.messages.map((message) => this.#views.messageOf(message)) };
    });
  }

  findMessage(chatId: Jid, messageId: string): Promise<ChatMessage | null> {
    return this.#call(async (device) => {
      const message = await device.findMessage(messageId);
      const isThere = message && this.#views.numberOf(message.chatId) === this.#views.numberOf(chatId);
      return isThere ? this.#views.messageOf(message) : null;
    });
  }

  async findContact(jid: Jid): Promise<Contact | null> {
    const address = await this.resolveRecipient(jid);
    if (address === null) return null;
    const { chatId, lid } = this.#views.personOf(address);
    return { jid: chatId, lid, name: this.#network.contact(address).name ?? undefined };
  }

  async *downloadMedia(messageId: string, { maxBytes, signal }: DownloadOptions): AsyncGenerator<Uint8Array> {
    const message = await abortable(
      this.#call((device) => device.findMessage(messageId)),
      signal,
    );
    const data = message?.media && this.#network.download(message.media.sha256)?.data;
    if (!data) throw new GatewayError('MEDIA_FETCH_FAILED', TEXTS.MEDIA_FETCH_FAILED.notDownloaded);
    if (data.byteLength > maxBytes)
      throw new GatewayError('MEDIA_TOO_LARGE', TEXTS.MEDIA_TOO_LARGE.bytes(maxBytes));
    for (let at = 0; at < data.byteLength; at += PIECE_BYTES) {
      signal.throwIfAborted();
      yield data.subarray(at, at + PIECE_BYTES);
    }
  }

  /** Changes a message that is there. */
  async #change(to: Jid, content: ChangeContent): Promise<Handover> {
    await this.#call(async (device) => {
      const { kind, messageId } = content;
      const message = await device.findMessage(messageId);
      if (!message || this.#views.numberOf(message.chatId) !== this.#views.numberOf(to))
        throw new SandboxRefusal('UNKNOWN_MESSAGE', 'The message is not in this chat.');
      if (kind === 'reaction') await device.react(messageId, content.emoji);
      else if (kind === 'edit') await device.edit(messageId, content.text);
      else await device.revoke(messageId);
    }, 'unknown');
    const [done] = await this.#findChange(to, content);
    if (done) return done;
    throw new GatewayError('BAD_GATEWAY', TEXTS.BAD_GATEWAY.callFailed, { details: { outcome: 'unknown' } });
  }

  /** The change when WhatsApp has it. */
  #findChange(chatId: Jid, content: ChangeContent): Promise<Handover[]> {
    return this.#call(async (device) => {
      const message = await device.findMessage(content.messageId);
      const messageId = message && changeIdOf(message, content);
      return messageId ? [{ messageId, timestamp: this.#network.clock.now(), ack: 1, chatId }] : [];
    });
  }

  /** Opens a device and forwards its events; resolves once it shows a QR or connects under its token. */
  #open(failed: (why: string) => Error): Promise<void> {
    this.#logins.claim(this.#agent);
    const device = this.#network.openDevice({ token: this.#logins.of(this.#agent) });
    this.#device = device;
    this.#forward(device);
    this.#network.events.off('configured', this.#checkSelf).on('configured', this.#checkSelf);
    return new Promise((resolve, reject) => {
      this.#failOpening = (why) => reject(failed(why));
      device.events
        .on('ref', () => resolve())
        .on('state', (state) => state === 'PAIRING' && resolve())
        .on('closed', () => this.#failOpening('ended before it began'));
    });
  }

  /** Emits the device's events as those of the port. */
  #forward(device: Device): void {
    const { events } = this;
    device.events
      .on('ref', (_ref, qr) => events.emit('qr', qr))
      .on('paired', (token) => this.#logins.save(this.#agent, token))
      .on('refused', () => events.emit('auth_failure', 'The phone declined the link.'))
      .on('state', (state) => this.#onState(state))
      .on('opened', (me) => {
        this.#ready = true;
        events.emit('ready', me);
        this.#checkSelf();
        this.#reportReceipts(device).catch(ignoreRefusal);
      })
      .on('message', (message) => events.emit('message', this.#views.inboundOf(message)))
      .on('ack', ({ chatId: _, ...ack }) => events.emit('ack', ack))
      .on('edited', (message) => this.#onEdited(message))
      .on('reaction', (reaction) => this.#onReaction(reaction))
      .on('call', (call) => this.#onCall(call))
      .on('typing', ({ chatId: address, typing }) => {
        const chatId = this.#views.numberOf(address);
        if (this.#watched.has(chatId)) events.emit('typing', { chatId, typing });
      })
      .on('restriction', (restriction) => events.emit('restriction', restriction))
      .on('notice', (shown) => shown && device.answerNotice().catch(ignoreRefusal))
      .on('passkey', (waiting) => waiting && this.#onPasskey(device))
      .on('closed', (reason) => {
        if (reason === 'CRASH') events.emit('crash', 'The simulated browser crashed.');
        else events.emit('disconnected', 'LOGOUT');
      });
  }

  /** Reports how far the messages of the last day got, as the page does once it is listened to. */
  async #reportReceipts(device: Device): Promise<void> {
    const since = this.#network.clock.now() - RECEIPTS_FOR_MS;
    for (const { id } of await device.chats())
      for (const { fromMe, ack, timestamp, id: messageId } of await device.messages(id))
        if (fromMe && ack >= 2 && timestamp >= since) this.events.emit('ack', { messageId, ack });
  }

  /** Reports what the page lacks: once ready, after each reload, and at each change. */
  readonly #checkSelf = (): void => {
    if (!this.#ready) return;
    const { webVersion, missing } = this.#network.settings;
    const compatibility = missing.length > 0 ? 'broken' : 'ok';
    this.events.emit('compatibility', { webVersion, compatibility, repaired: [], missing });
  };

  /** Linking waits for a passkey: continues to its challenge, as a click on the page does. */
  #onPasskey(device: Device): void {
    this.events.emit('passkey', null);
    this.#askForPasskey(device);
  }

  /** Emits a new challenge. */
  #askForPasskey(device: Device): void {
    device.passkeyChallenge().then((options) => this.events.emit('passkey', options), ignoreRefusal);
  }

  /** A customer edited or revoked a message. */
  #onEdited({ id: messageId, chatId: address, body, type, fromMe }: NetworkMessage): void {
    if (fromMe) return;
    const chatId = this.#views.numberOf(address);
    if (type === 'revoked') this.events.emit('revoked', { messageId, chatId });
    else this.events.emit('edited', { messageId, chatId, body });
  }

  /** Someone reacted to a message. */
  #onReaction({ id: _, ...reaction }: ReactionView): void {
    const senderId = this.#views.numberOf(reaction.senderId);
    const { lid } = this.#network.contact(reaction.senderId);
    const chatId = this.#views.numberOf(reaction.chatId);
    this.events.emit('reaction', { ...reaction, chatId, senderId, lid: lid ?? undefined });
  }

  /** Someone calls. */
  #onCall({ from: address, ...call }: CallView): void {
    const { chatId: from, lid } = this.#views.personOf(address);
    this.events.emit('call', { ...call, from, lid });
  }

  /** A chat, under each of its addresses. @throws GatewayError NOT_FOUND */
  async #chatOf(device: Device, chatId: Jid): Promise<ChatView[]> {
    const chat = this.#views.chatsOf(await device.chats()).get(this.#views.numberOf(chatId));
    if (chat) return chat;
    throw new GatewayError('NOT_FOUND', TEXTS.NOT_FOUND.chat);
  }

  /** Reports living states once the session is ready, and always a state that ends it. */
  #onState(state: string): void {
    if (state === 'UNPAIRED_IDLE') this.#device?.refresh().catch(ignoreRefusal);
    if (state === 'PAIRING' && !this.#ready) this.events.emit('authenticated');
    else if (LIVING_STATES.has(state)) {
      if (this.#ready) this.events.emit('state', state);
    } else if (this.#ready || !UNLINKED_STATES.has(state)) this.events.emit('disconnected', state);
  }

  /** The open device. @throws GatewayError BAD_GATEWAY */
  #current(): Device {
    if (this.#device && !this.#ended) return this.#device;
    throw new GatewayError('BAD_GATEWAY', TEXTS.BAD_GATEWAY.notRunning, { details: { outcome: 'failed' } });
  }

  /** Calls the device, within the deadline; `unanswered` is the outcome when no answer comes. */
  async #call<T>(run: (device: Device) => Promise<T>, unanswered: UnansweredOutcome = 'failed'): Promise<T> {
    const timeout = () =>
      new GatewayError('BAD_GATEWAY', TEXTS.BAD_GATEWAY.noAnswer, { details: { outcome: unanswered } });
    try {
      return await withTimeout(this.#network.clock, run(this.#current()), this.#deadlines.callMs, timeout);
    } catch (thrown) {
      throw callError(thrown, unanswered);
    }
  }
}

/** Rounds down to WhatsApp's clock, which has whole seconds: a message of the same second counts. */
function wholeSecond(time: EpochMs): EpochMs {
  return Math.floor(time / 1000) * 1000;
}

/** What a hand-over returns of a message. */
function handoverOf(message: NetworkMessage): Handover {
  const { id: messageId, timestamp, ack, chatId } = message;
  return { messageId, timestamp, ack, chatId };
}
