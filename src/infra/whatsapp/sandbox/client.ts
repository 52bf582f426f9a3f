import { readFile } from 'node:fs/promises';
import { EventEmitter } from 'eventemitter3';
import { withDeadline } from '../../../actors/deadline.ts';
import { GatewayError } from '../../../actors/errors.ts';
import type {
  EpochMs,
  Handover,
  HandoverOptions,
  ImageFile,
  InboundMessage,
  Jid,
  SentQuery,
  WebAuthnJson,
  WhatsAppClient,
  WhatsAppClientEvents,
} from '../../../actors/ports.ts';
import type { SandboxNetwork } from './network.ts';
import { type ChatMessage, type Device, type Draft, SandboxRefusal } from './types.ts';

/** How long the start and any other call may take, ms. */
export interface SandboxDeadlines {
  startMs: number;
  callMs: number;
}

// States that a socket goes through while its session lives, as whatsapp-web.js judges them; any other ends it.
const LIVING_STATES = new Set(['CONNECTED', 'OPENING', 'PAIRING', 'TIMEOUT']);
// What a device shows before it is linked.
const UNLINKED_STATES = new Set(['UNLAUNCHED', 'UNPAIRED']);

/** One session on the simulated WhatsApp. Costs no timer while idle. */
export class SandboxClient implements WhatsAppClient {
  readonly events = new EventEmitter<WhatsAppClientEvents>();
  readonly #network: SandboxNetwork;
  readonly #agentId: string;
  readonly #deadlines: SandboxDeadlines;
  readonly #onEnd: () => void;
  #device: Device | null = null;
  #ready = false;
  #ended = false;
  /** Ends an opening that can't succeed any more. */
  #failOpening: (why: string) => void = () => undefined;

  constructor(network: SandboxNetwork, agentId: string, deadlines: SandboxDeadlines, onEnd: () => void) {
    this.#network = network;
    this.#agentId = agentId;
    this.#deadlines = deadlines;
    this.#onEnd = onEnd;
  }

  async start(): Promise<void> {
    const failed = (why: string) => new GatewayError('SESSION_START_FAILED', `The session ${why}.`);
    if (this.#ended || this.#device) throw failed('was started or ended already');
    await withDeadline(this.#network.clock, this.#open(failed), this.#deadlines.startMs, () =>
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
    this.events.removeAllListeners();
    this.#device?.close();
    this.#failOpening('was ended');
    this.#onEnd();
  }

  async reload(): Promise<void> {
    this.#current().close();
    this.#ready = false;
    const failed = (why: string) => new GatewayError('BAD_GATEWAY', `The page ${why}.`);
    await withDeadline(this.#network.clock, this.#open(failed), this.#deadlines.callMs, () =>
      failed('did not reload in time'),
    );
  }

  sendText(to: Jid, text: string, options: HandoverOptions = {}): Promise<Handover> {
    const { quoteId, stanzaId } = options;
    return this.#send({ to, text, quoteId, stanzaId });
  }

  async sendImage(
    to: Jid,
    image: ImageFile,
    options: HandoverOptions & { caption?: string } = {},
  ): Promise<Handover> {
    const data = await readFile(image.path, { signal: AbortSignal.timeout(this.#deadlines.callMs) }).catch(
      (cause: unknown) => {
        const details = { outcome: 'failed' } as const;
        throw new GatewayError('BAD_GATEWAY', 'The image could not be read.', { cause, details });
      },
    );
    const { mimetype, filename } = image;
    const { caption: text = '', quoteId, stanzaId } = options;
    return this.#send({ to, text, image: { data, mimetype, filename }, quoteId, stanzaId });
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
      // As the page does, under this very address.
      const own = (await device.messages(query.to)).filter(
        (message) =>
          message.fromMe &&
          message.type === type &&
          message.body === query.text &&
          message.timestamp >= wholeSecond(query.since),
      );
      return own.map(handoverOf).reverse();
    });
  }

  requestPairingCode(_phoneNumber: string): Promise<string> {
    return Promise.reject(new GatewayError('SESSION_NOT_READY', 'Pairing codes are not supported.'));
  }

  answerPasskey(_assertion: WebAuthnJson): Promise<void> {
    return Promise.reject(new GatewayError('SESSION_NOT_READY', 'No passkey is asked for.'));
  }

  fetchMissed(query: { since: EpochMs; perChat: number }): Promise<InboundMessage[]> {
    return this.#call('failed', async (device) => {
      const chats = (await device.chats()).filter((chat) => chat.unread > 0);
      const unread = await Promise.all(
        chats.map(async (chat) => {
          const incoming = (await device.messages(chat.id)).filter((message) => !message.fromMe);
          return incoming.slice(-Math.min(chat.unread, query.perChat));
        }),
      );
      return unread
        .flat()
        .filter((message) => message.timestamp >= wholeSecond(query.since))
        .sort((one, other) => one.timestamp - other.timestamp)
        .map(inboundOf);
    });
  }

  /** Hands a draft over. */
  async #send(draft: Draft): Promise<Handover> {
    return handoverOf(await this.#call('unknown', (device) => device.send(draft)));
  }

  /** Opens a device and follows it; resolves once it shows a QR or connects under its token. */
  #open(failed: (why: string) => Error): Promise<void> {
    const device = this.#network.openDevice({ token: this.#network.savedToken(this.#agentId) });
    this.#device = device;
    this.#follow(device);
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
      .on('paired', (token) => this.#network.saveToken(this.#agentId, token))
      .on('refused', () => events.emit('auth_failure', 'The phone declined the link.'))
      .on('state', (state) => this.#onState(state))
      .on('opened', (me) => {
        this.#ready = true;
        events.emit('ready', me);
      })
      .on('message', (message) => events.emit('message', inboundOf(message)))
      .on('ack', ({ messageId, ack }) => events.emit('ack', { messageId, ack }))
      .on('closed', (reason) => {
        if (reason === 'CRASH') events.emit('crash', 'The simulated browser crashed.');
        else events.emit('disconnected', 'LOGOUT');
      });
  }

  /** A living state is news once the session is ready; one that ends the session always is. */
  #onState(state: string): void {
    if (state === 'PAIRING' && !this.#ready) this.events.emit('authenticated');
    else if (LIVING_STATES.has(state)) {
      if (this.#ready) this.events.emit('state', state);
    } else if (this.#ready || !UNLINKED_STATES.has(state)) this.events.emit('disconnected', state);
  }

  /** The device, while there is one to talk to. @throws GatewayError BAD_GATEWAY */
  #current(): Device {
    if (this.#device && !this.#ended) return this.#device;
    throw new GatewayError('BAD_GATEWAY', 'The session is not running.', { details: { outcome: 'failed' } });
  }

  /** One call to the device, within its deadline; `hung` is the outcome of one that didn't answer. */
  async #call<T>(hung: 'failed' | 'unknown', run: (device: Device) => Promise<T>): Promise<T> {
    const timeout = () =>
      new GatewayError('BAD_GATEWAY', 'WhatsApp did not answer in time.', { details: { outcome: hung } });
    try {
      return await withDeadline(this.#network.clock, run(this.#current()), this.#deadlines.callMs, timeout);
    } catch (thrown) {
      throw translated(thrown, hung);
    }
  }
}

/** A refusal of the network in the words of the port. */
function translated(thrown: unknown, hung: 'failed' | 'unknown'): unknown {
  if (!(thrown instanceof SandboxRefusal)) return thrown;
  if (thrown.reason === 'UNKNOWN_QUOTE')
    return new GatewayError('NOT_FOUND', 'The quoted message was not found in this chat.', {
      cause: thrown,
      details: { outcome: 'failed' },
    });
  // A device that closed under a call can't say any more what became of it.
  const outcome = thrown.reason === 'CLOSED' ? hung : 'failed';
  return new GatewayError('BAD_GATEWAY', 'WhatsApp failed the call.', {
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

/** A message as the port has it. */
function inboundOf(message: ChatMessage): InboundMessage {
  const { id, chatId, senderId, fromMe, type, body, mentionedIds, timestamp, senderName, chatName } = message;
  return { id, chatId, senderId, fromMe, type, body, mentionedIds, timestamp, senderName, chatName };
}
