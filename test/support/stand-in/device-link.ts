import { createHash } from 'node:crypto';
import type { SandboxNetwork } from '../../../src/sandbox/network/network.ts';
import type { Device, WireEntry } from '../../../src/sandbox/network/types.ts';
import type { PageCall } from './page-call.ts';
import { chatViews, peopleOf, reachableChat } from './views.ts';

/** Writes one event to the page's stream. */
export type SendEvent = (event: string, data: unknown) => void;

/** One page load and its device on the simulated network: events go out, calls come in. */
export class DeviceLink {
  readonly #network: SandboxNetwork;
  readonly #device: Device;
  readonly sendEvent: SendEvent;
  /** Files that were uploaded and not yet sent, by SHA-256. */
  readonly #uploads = new Map<string, Uint8Array>();
  #thaw: (() => void)[] = [];
  #frozen = false;

  constructor(network: SandboxNetwork, token: string | null, sendEvent: SendEvent) {
    this.#network = network;
    this.sendEvent = sendEvent;
    this.#device = network.openDevice({ token });
    sendEvent('keys', this.#device.keys);
    this.#forwardEvents();
    network.events.on('wire', this.#onWire);
  }

  /** Calls a method of the device. @throws SandboxRefusal, or Error for a file that wasn't uploaded */
  async run(call: PageCall): Promise<unknown> {
    const device = this.#device;
    switch (call.method) {
      case 'send':
        return this.#send(call);
      case 'react':
        return device.react(call.messageId, call.emoji);
      case 'edit':
        return device.edit(call.messageId, call.text);
      case 'revoke':
        return device.revoke(call.messageId);
      case 'typing':
        return device.setTyping(call.chatId, call.typing);
      case 'exists':
        return device.queryExists(call.jid);
      case 'seen':
        return device.markSeen(call.chatId);
      case 'messages':
        return device.messages(call.chatId, call.limit);
      case 'find':
        return device.findMessage(call.id);
      case 'chat':
        return reachableChat(this.#network, device.me, call.jid);
      case 'contact':
        return this.#network.contact(call.jid);
      case 'refresh':
        return device.refresh();
      case 'pairingCode':
        return device.requestPairingCode(call.number);
      case 'passkeyChallenge':
        return device.passkeyChallenge();
      case 'answerPasskey':
        return device.answerPasskey(call.assertion);
      case 'cancelPasskey':
        return device.cancelPasskey();
      case 'answerNotice':
        return device.answerNotice();
      case 'logout':
        return device.logout();
    }
  }

  /** Keeps an uploaded file until it is sent; answers its path. */
  upload(bytes: Uint8Array): string {
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    this.#uploads.set(sha256, bytes);
    return `/media/${sha256}`;
  }

  /** Calls back at once, or when the page is thawed. */
  whenThawed(callback: () => void): void {
    if (this.#frozen) this.#thaw.push(callback);
    else callback();
  }

  /** Closes the page's device. Idempotent. */
  close(): void {
    this.#network.events.off('wire', this.#onWire);
    this.#device.close();
    this.#setFrozen(false);
  }

  /** Forwards the device's events to the page. */
  #forwardEvents(): void {
    const { events } = this.#device;
    for (const name of [
      'ref',
      'paired',
      'state',
      'ack',
      'edited',
      'reaction',
      'call',
      'typing',
      'passkey',
      'notice',
      'restriction',
    ] as const)
      events.on(name, (...data: unknown[]) => this.sendEvent(name, data[0]));
    events.on('message', (message) => {
      this.sendEvent('people', peopleOf(this.#network, [message.senderId]));
      this.sendEvent('message', message);
    });
    // With the chats of this moment; later changes are events.
    events.on('opened', (me) => {
      const chats = chatViews(this.#network, me);
      const known = chats.flatMap(({ id, participants = [] }) => [id, ...participants]);
      this.sendEvent('people', peopleOf(this.#network, known));
      this.sendEvent('opened', { me, chats });
    });
    events.on('loggedOut', () => this.sendEvent('loggedOut', null));
    events.on('closed', (reason) => {
      // A page can't end its browser; hanging permanently is the nearest to a crash.
      if (reason === 'CRASH') this.#setFrozen(true);
      else this.sendEvent('closed', reason);
    });
  }

  /** A frozen device emits nothing, so that it was frozen is read from the wire log. */
  readonly #onWire = ({ kind, account, detail }: WireEntry): void => {
    if (kind !== 'fault' || account === null || typeof detail.frozen !== 'boolean') return;
    if (this.#network.devicesOf(account).includes(this.#device)) this.#setFrozen(detail.frozen);
  };

  #setFrozen(frozen: boolean): void {
    this.#frozen = frozen;
    if (frozen) this.sendEvent('freeze', null);
    else for (const callback of this.#thaw.splice(0)) callback();
  }

  /** Sends a message, with the bytes of its file. */
  async #send({ method: _, file, ...draft }: Extract<PageCall, { method: 'send' }>): Promise<unknown> {
    if (!file) return this.#device.send(draft);
    const { directPath, ...facts } = file;
    const sha256 = directPath.replace('/media/', '');
    const data = this.#uploads.get(sha256);
    if (!data) throw new Error('This file was not uploaded.');
    const sent = await this.#device.send({ ...draft, file: { ...facts, data } });
    this.#uploads.delete(sha256);
    return sent;
  }
}
