import { request } from 'node:http';
import type { Duplex } from 'node:stream';
import { EventEmitter } from 'eventemitter3';
import type { ChatAddress } from '../../actors/domain/chats.ts';
import { TEXTS } from '../../actors/domain/error-texts.ts';
import { GatewayError } from '../../actors/domain/errors.ts';
import type { AgentRef, Jid } from '../../actors/domain/identity.ts';
import type { MessageContent } from '../../actors/domain/message-content.ts';
import type { EpochMs, Scheduler } from '../../actors/domain/ports/clock.ts';
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
import type { Login } from './login-files.ts';
import {
  type CallName,
  type FromNetwork,
  type FromService,
  JsonLines,
  PROTOCOL,
  type WireError,
} from './wire.ts';

/** Above the deadlines that the network itself has for a call. */
const CALL_MS = 35_000;
const DESTROY_MS = 2_000;
/** How often the network learns that this process runs. */
const PING_MS = 100;

/** Receives the answers to a call or a download. */
interface Waiting {
  onPiece?(piece: Uint8Array): void;
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** A session on a simulated WhatsApp that runs in another process. The login is a file of this one. */
export class RemoteSandboxClient implements WhatsAppClient {
  readonly events = new EventEmitter<WhatsAppClientEvents>();
  readonly #url: string;
  readonly #agent: AgentRef;
  readonly #login: Login;
  readonly #clock: Scheduler;
  readonly #onEnd: () => void;
  readonly #waiting = new Map<number, Waiting>();
  #lines: JsonLines<FromNetwork, FromService> | null = null;
  #calls = 0;
  #ended = false;
  #pings: NodeJS.Timeout | undefined;

  constructor(url: string, agent: AgentRef, parts: { login: Login; clock: Scheduler; onEnd(): void }) {
    this.#url = url;
    this.#agent = agent;
    this.#login = parts.login;
    this.#clock = parts.clock;
    this.#onEnd = parts.onEnd;
  }

  async start(): Promise<void> {
    const token = this.#login.read(this.#agent);
    const socket = await withTimeout(this.#clock, upgraded(this.#url), CALL_MS, () => startFailed());
    if (this.#ended) socket.destroy();
    socket.on('error', () => undefined).once('close', () => this.#closed());
    this.#lines = new JsonLines(socket, (message) => this.#take(message));
    this.#lines.write({ kind: 'open', agent: this.#agent, token });
    this.#pings = setInterval(() => this.#lines?.write({ kind: 'ping' }), PING_MS).unref();
    await this.#call('start', []);
  }

  async logout(): Promise<void> {
    await this.#call('logout', []);
    await this.destroy();
  }

  async destroy(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    this.events.removeAllListeners();
    // A network that does not answer ends it with the socket.
    if (this.#lines)
      await this.#ask((id) => ({ kind: 'call', id, name: 'destroy', args: [] }), { ms: DESTROY_MS }).catch(
        () => undefined,
      );
    this.#lines?.close();
    this.#closed();
    this.#onEnd();
  }

  reload(): Promise<void> {
    return this.#call('reload', []);
  }

  send(to: Jid, content: MessageContent, options?: HandoverOptions): Promise<Handover> {
    return this.#call('send', [to, content, options]);
  }

  setTyping(chatId: Jid, typing: boolean): Promise<void> {
    return this.#call('setTyping', [chatId, typing]);
  }

  watchTyping(chatId: Jid): Promise<void> {
    return this.#call('watchTyping', [chatId]);
  }

  markRead(chatId: Jid): Promise<void> {
    return this.#call('markRead', [chatId]);
  }

  resolveRecipient(jid: Jid): Promise<Jid | null> {
    return this.#call('resolveRecipient', [jid]);
  }

  identify(jid: Jid): Promise<ChatAddress> {
    return this.#call('identify', [jid]);
  }

  requestPairingCode(phoneNumber: string): Promise<string> {
    return this.#call('requestPairingCode', [phoneNumber]);
  }

  answerPasskey(assertion: WebAuthnJson): Promise<void> {
    return this.#call('answerPasskey', [assertion]);
  }

  probe(): Promise<string> {
    return this.#call('probe', []);
  }

  findSent(query: SentQuery): Promise<Handover[]> {
    return this.#call('findSent', [query]);
  }

  fetchMissed(query: { since: EpochMs; perChat: number }): Promise<InboundMessage[]> {
    return this.#call('fetchMissed', [query]);
  }

  listChats(query: PageQuery): Promise<{ chats: ChatSummary[]; next?: PageEnd }> {
    return this.#call('listChats', [query]);
  }

  listMessages(chatId: Jid, query: PageQuery): Promise<{ messages: ChatMessage[]; next?: PageEnd }> {
    return this.#call('listMessages', [chatId, query]);
  }

  findMessage(chatId: Jid, messageId: string): Promise<ChatMessage | null> {
    return this.#call('findMessage', [chatId, messageId]);
  }

  findContact(jid: Jid): Promise<Contact | null> {
    return this.#call('findContact', [jid]);
  }

  async *downloadMedia(messageId: string, { maxBytes, signal }: DownloadOptions): AsyncGenerator<Uint8Array> {
    const pieces: Uint8Array[] = [];
    const onPiece = (piece: Uint8Array) => void pieces.push(piece);
    await abortable(
      this.#ask((id) => ({ kind: 'download', id, messageId, maxBytes }), { onPiece }),
      signal,
    );
    for (const piece of pieces) {
      signal.throwIfAborted();
      yield piece;
    }
  }

  /** Calls a method of the client at the network. */
  #call<Name extends CallName>(
    name: Name,
    args: Parameters<WhatsAppClient[Name]>,
  ): ReturnType<WhatsAppClient[Name]> {
    return this.#ask((id) => ({ kind: 'call', id, name, args })) as ReturnType<WhatsAppClient[Name]>;
  }

  /** Writes a call and awaits its answer. What is unanswered may have been done. @throws GatewayError */
  async #ask(
    callOf: (id: number) => FromService,
    { ms = CALL_MS, onPiece }: { ms?: number; onPiece?: Waiting['onPiece'] } = {},
  ): Promise<unknown> {
    const lines = this.#lines;
    if (!lines)
      throw new GatewayError('BAD_GATEWAY', TEXTS.BAD_GATEWAY.notRunning, { details: { outcome: 'failed' } });
    this.#calls += 1;
    const id = this.#calls;
    const answer = new Promise<unknown>((resolve, reject) => {
      this.#waiting.set(id, { onPiece, resolve, reject });
      lines.write(callOf(id));
    });
    const late = () => unanswered(TEXTS.BAD_GATEWAY.callFailed);
    return withTimeout(this.#clock, answer, ms, late).finally(() => this.#waiting.delete(id));
  }

  #take(message: FromNetwork): void {
    if (message.kind === 'paired') this.#login.write(this.#agent, message.token);
    else if (message.kind === 'event') this.events.emit(message.name, ...(message.args as never));
    else if (message.kind === 'piece')
      this.#waiting.get(message.id)?.onPiece?.(Buffer.from(message.base64, 'base64'));
    else if (message.kind === 'result') this.#waiting.get(message.id)?.resolve(message.value);
    else this.#waiting.get(message.id)?.reject(asGatewayError(message.error));
  }

  /** The socket is closed: by this side, or because the network is gone, as a browser is that has crashed. */
  #closed(): void {
    clearInterval(this.#pings);
    this.#lines = null;
    for (const { reject } of this.#waiting.values()) reject(unanswered(TEXTS.BAD_GATEWAY.notRunning));
    this.events.emit('crash', 'The simulated WhatsApp closed the session.');
  }
}

/** The socket of an upgraded request. @throws GatewayError SESSION_START_FAILED */
function upgraded(url: string): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const headers = { Connection: 'Upgrade', Upgrade: PROTOCOL };
    request(`${url}/sandbox/sessions`, { headers, agent: false })
      .once('upgrade', (_response, socket) => resolve(socket))
      .once('response', (response) => {
        response.resume();
        reject(startFailed());
      })
      .once('error', (error) => reject(startFailed(error)))
      .end();
  });
}

function startFailed(cause?: unknown): GatewayError {
  return new GatewayError('SESSION_START_FAILED', TEXTS.SESSION_START_FAILED.noNetwork, { cause });
}

/** A call without an answer. */
function unanswered(message: string): GatewayError {
  return new GatewayError('BAD_GATEWAY', message, { details: { outcome: 'unknown' } });
}

function asGatewayError({ code, message, details }: WireError): GatewayError {
  return new GatewayError(code, message, { details });
}
