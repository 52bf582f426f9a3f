import { readFile } from 'node:fs/promises';
import { EventEmitter } from 'eventemitter3';
import { TEXTS } from '../../actors/domain/error-texts.ts';
import { GatewayError } from '../../actors/domain/errors.ts';
import type { AgentRef, Jid } from '../../actors/domain/identity.ts';
import type { EpochMs } from '../../actors/domain/ports/clock.ts';
import type {
  Handover,
  HandoverOptions,
  ImageFile,
  InboundMessage,
  SentQuery,
  WebAuthnJson,
  WhatsAppClient,
  WhatsAppClientEvents,
} from '../../actors/domain/ports/whatsapp.ts';
import { withTimeout } from '../../actors/domain/timeout.ts';
import type { SandboxNetwork } from '../network/network.ts';
import { type ChatMessage, type Device, type Draft, SandboxRefusal } from '../network/types.ts';

/** How long the start and any other call may take, ms. */
export interface SandboxDeadlines {
  startMs: number;
  callMs: number;
}

// States that a socket goes through while its session lives, as whatsapp-web.js judges them; any other ends it.
const LIVING_STATES = new Set(['CONNECTED', 'OPENING', 'PAIRING', 'TIMEOUT']);
// What a device shows before it is linked.
const UNLINKED_STATES = new Set(['UNLAUNCHED', 'UNPAIRED', 'UNPAIRED_IDLE']);

/** One session on the simulated WhatsApp. Costs no timer while idle. */
export class SandboxClient implements WhatsAppClient {
  readonly events = new EventEmitter<WhatsAppClientEvents>();
  readonly #network: SandboxNetwork;
  readonly #agent: AgentRef;
  readonly #deadlines: SandboxDeadlines;
  readonly #onEnd: () => void;
  #device: Device | null = null;
  #ready = false;
  #ended = false;
  /** Ends an opening that can't succeed any more. */
  #failOpening: (why: string) => void = () => undefined;

  constructor(network: SandboxNetwork, agent: AgentRef, deadlines: SandboxDeadlines, onEnd: () => void) {
    this.#network = network;
    this.#agent = agent;
    this.#deadlines = deadlines;
    this.#onEnd = onEnd;
  }

  async start(): Promise<void> {
    const failed = (why: string) => new GatewayError('SESSION_START_FAILED', `The session ${why}.`);
    if (this.#ended || this.#device) throw failed('was started or ended already');
    await withTimeout(this.#network.clock, this.#open(failed), this.#deadlines.startMs, () =>
      failed('did not start in time'),
    );
  }

  async logout(): Promise<void> {
    await this.#call('failed', (device) => device.logout());
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

  sendText(to: Jid, text: string, options: HandoverOptions = {}): Promise<Handover> {
    return this.#send({ to, text, ...options });
  }

  async sendImage(
    to: Jid,
    image: ImageFile,
    { caption = '', ...options }: HandoverOptions & { caption?: string } = {},
  ): Promise<Handover> {
    const data = await readFile(image.path, { signal: AbortSignal.timeout(this.#deadlines.callMs) }).catch(
      (cause: unknown) => {
        const details = { outcome: 'failed' } as const;
        throw new GatewayError('BAD_GATEWAY', TEXTS.BAD_GATEWAY.imageUnreadable, { cause, details });
      },
    );
    const { mimetype, filename } = image;
    return this.#send({ to, text: caption, image: { data, mimetype, filename }, ...options });
  }

  setTyping(chatId: Jid, typing: boolean): Promise<void> {
    return this.#call('failed', (device) => device.setTyping(chatId, typing));
  }

  resolveRecipient(jid: Jid): Promise<Jid | null> {
    if (!jid.endsWith('@c.us')) return Promise.resolve(jid);
    return this.#call('failed', (device) => device.queryExists(jid));
  }

  probe(): Promise<string> {
    return this.#call('failed', (device) => device.probe());
  }

  findSent(query: SentQuery): Promise<Handover[]> {
    const type = query.kind === 'text' ? 'chat' : 'image';
    return this.#call('failed', async (device) => {
      const itself = query.stanzaId === undefined ? null : await device.findMessage(query.stanzaId);
      if (itself) return [handoverOf(itself)];
      // As the page does, under this very person's addresses.
      const { pn, lid } = this.#network.contact(query.to);
      const addresses = pn === query.to && lid ? [pn, lid] : [query.to];
      const chats = await Promise.all(addresses.map((address) => device.messages(address)));
      const own = chats.flat().filter(({ fromMe }) => fromMe);
      const alike = own.filter(
        (message) =>
          message.type === type &&
          message.body === query.text &&
          message.timestamp >= wholeSecond(query.since),
      );
      return alike.map(handoverOf).reverse();
    });
  }

  requestPairingCode(phoneNumber: string): Promise<string> {
    return this.#call('failed', (device) => device.requestPairingCode(phoneNumber).catch(whileLinking));
  }

  answerPasskey(assertion: WebAuthnJson): Promise<void> {
    return this.#call('failed', async (device) => {
      try {
        await device.answerPasskey(assertion);
      } catch (error) {
        // The page asks for another one.
        if (error instanceof SandboxRefusal && error.reason === 'WRONG_PASSKEY') this.#askForPasskey(device);
        whileLinking(error);
      }
    });
  }

  fetchMissed(query: { since: EpochMs; perChat: number }): Promise<InboundMessage[]> {
    return this.#call('failed', async (device) => {
      const since = wholeSecond(query.since);
      const missed = await Promise.all(
        (await device.chats()).map(async ({ id }) => {
          const incoming = (await device.messages(id)).filter(({ fromMe }) => !fromMe);
          return incoming.filter(({ timestamp }) => timestamp >= since).slice(-query.perChat);
        }),
      );
      const inOrder = missed.flat().sort((one, other) => one.timestamp - other.timestamp);
      return inOrder.map((message) => this.#inboundOf(message));
    });
  }

  /** Hands a draft over, if the page has all that it takes. */
  async #send(draft: Draft): Promise<Handover> {
    const { missing } = this.#network.settings;
    if (missing.length > 0)
      throw new GatewayError('BAD_GATEWAY', TEXTS.BAD_GATEWAY.pageChanged, {
        details: { outcome: 'failed', missing },
      });
    return handoverOf(await this.#call('unknown', (device) => device.send(draft)));
  }

  /** Opens a device and follows it; resolves once it shows a QR or connects under its token. */
  #open(failed: (why: string) => Error): Promise<void> {
    this.#network.tokens.claim(this.#agent);
    const device = this.#network.openDevice({ token: this.#network.tokens.of(this.#agent) });
    this.#device = device;
    this.#follow(device);
    this.#network.events.off('configured', this.#checkSelf).on('configured', this.#checkSelf);
    return new Promise((resolve, reject) => {
      this.#failOpening = (why) => reject(failed(why));
      device.events
        .on('ref', () => resolve())
        .on('state', (state) => state === 'PAIRING' && resolve())
        .on('closed', () => this.#failOpening('ended before it began'));
    });
  }

  /** Turns what the device tells into the port's events. */
  #follow(device: Device): void {
    const { events } = this;
    device.events
      .on('ref', (_ref, qr) => events.emit('qr', qr))
      .on('paired', (token) => this.#network.tokens.save(this.#agent, token))
      .on('refused', () => events.emit('auth_failure', 'The phone declined the link.'))
      .on('state', (state) => this.#onState(state))
      .on('opened', (me) => {
        this.#ready = true;
        events.emit('ready', me);
        this.#checkSelf();
      })
      .on('message', (message) => events.emit('message', this.#inboundOf(message)))
      .on('ack', ({ chatId: _, ...ack }) => events.emit('ack', ack))
      .on('edited', (message) => this.#onEdited(message))
      .on('restriction', (restriction) => events.emit('restriction', restriction))
      .on('notice', (shown) => shown && device.answerNotice().catch(whenGone))
      .on('passkey', (waiting) => waiting && this.#onPasskey(device))
      .on('closed', (reason) => {
        if (reason === 'CRASH') events.emit('crash', 'The simulated browser crashed.');
        else events.emit('disconnected', 'LOGOUT');
      });
  }

  /** What the page has and lacks; once linked, after each reload, and at each change. */
  readonly #checkSelf = (): void => {
    if (!this.#ready) return;
    const { webVersion, missing } = this.#network.settings;
    const compatibility = missing.length > 0 ? 'broken' : 'ok';
    this.events.emit('compatibility', { webVersion, compatibility, repaired: [], missing });
  };

  /** Linking waits for a passkey: goes on to its challenge, as a click on the page does. */
  #onPasskey(device: Device): void {
    this.events.emit('passkey', null);
    this.#askForPasskey(device);
  }

  /** Gets a new challenge. */
  #askForPasskey(device: Device): void {
    device.passkeyChallenge().then((options) => this.events.emit('passkey', options), whenGone);
  }

  /** Somebody else's message was changed or taken back. */
  #onEdited({ id: messageId, chatId: address, body, type, fromMe }: ChatMessage): void {
    if (fromMe) return;
    const chatId = this.#numberOf(address);
    if (type === 'revoked') this.events.emit('revoked', { messageId, chatId });
    else this.events.emit('edited', { messageId, chatId, body });
  }

  /** A message as the port has it: people by number, as far as it is known. */
  #inboundOf(message: ChatMessage): InboundMessage {
    const { id, fromMe, type, body, mentionedIds, timestamp, senderName, chatName } = message;
    const { lid } = this.#network.contact(message.senderId);
    const [chatId, senderId] = [this.#numberOf(message.chatId), this.#numberOf(message.senderId)];
    const content = { fromMe, type, body, mentionedIds, timestamp, senderName, chatName };
    return { id, chatId, senderId, ...(lid && { lid }), ...content };
  }

  /** The number behind a LID, where it is known; any other address as it is. */
  #numberOf(jid: Jid): Jid {
    return jid.endsWith('@lid') ? (this.#network.contact(jid).pn ?? jid) : jid;
  }

  /** A living state is news once the session is ready; one that ends the session always is. */
  #onState(state: string): void {
    if (state === 'UNPAIRED_IDLE') this.#device?.refresh().catch(whenGone);
    if (state === 'PAIRING' && !this.#ready) this.events.emit('authenticated');
    else if (LIVING_STATES.has(state)) {
      if (this.#ready) this.events.emit('state', state);
    } else if (this.#ready || !UNLINKED_STATES.has(state)) this.events.emit('disconnected', state);
  }

  /** The device, while there is one to talk to. @throws GatewayError BAD_GATEWAY */
  #current(): Device {
    if (this.#device && !this.#ended) return this.#device;
    throw new GatewayError('BAD_GATEWAY', TEXTS.BAD_GATEWAY.notRunning, { details: { outcome: 'failed' } });
  }

  /** One call to the device, within its deadline; `hung` is the outcome of one that didn't answer. */
  async #call<T>(hung: 'failed' | 'unknown', run: (device: Device) => Promise<T>): Promise<T> {
    const timeout = () =>
      new GatewayError('BAD_GATEWAY', TEXTS.BAD_GATEWAY.noAnswer, { details: { outcome: hung } });
    try {
      return await withTimeout(this.#network.clock, run(this.#current()), this.#deadlines.callMs, timeout);
    } catch (thrown) {
      throw translated(thrown, hung);
    }
  }
}

/** A refusal of the network in the words of the port. */
function translated(thrown: unknown, hung: 'failed' | 'unknown'): unknown {
  if (!(thrown instanceof SandboxRefusal)) return thrown;
  if (thrown.reason === 'UNKNOWN_QUOTE')
    return new GatewayError('NOT_FOUND', TEXTS.NOT_FOUND.quote, {
      cause: thrown,
      details: { outcome: 'failed' },
    });
  // A device that closed under a call can't say any more what became of it.
  const outcome = thrown.reason === 'CLOSED' ? hung : 'failed';
  return new GatewayError('BAD_GATEWAY', TEXTS.BAD_GATEWAY.callFailed, {
    cause: thrown,
    details: { outcome },
  });
}

/** WhatsApp's clock knows whole seconds only: a message of the same second counts. */
function wholeSecond(time: EpochMs): EpochMs {
  return Math.floor(time / 1000) * 1000;
}

/** A message as what its hand-over told. */
function handoverOf(message: ChatMessage): Handover {
  const { id: messageId, timestamp, ack, chatId } = message;
  return { messageId, timestamp, ack, chatId };
}

/** A refusal of a call that only makes sense before a device is linked. */
function whileLinking(thrown: unknown): never {
  const reason = thrown instanceof SandboxRefusal ? thrown.reason : null;
  const cause = thrown;
  if (reason === 'NOT_OPEN')
    throw new GatewayError('SESSION_NOT_READY', TEXTS.SESSION_NOT_READY.wrongStep, { cause });
  if (reason === 'UNKNOWN_CHAT')
    throw new GatewayError('RECIPIENT_NOT_ON_WHATSAPP', TEXTS.RECIPIENT_NOT_ON_WHATSAPP.noAccount, { cause });
  if (reason === 'WRONG_PASSKEY')
    throw new GatewayError('BAD_GATEWAY', TEXTS.BAD_GATEWAY.passkeyRefused, { cause });
  throw thrown;
}

/** A device that closed meanwhile needs no answer. */
function whenGone(thrown: unknown): void {
  if (!(thrown instanceof SandboxRefusal)) throw thrown;
}
