import type { z } from 'zod';
import type { NETWORK, SETTINGS } from '../../src/sandbox/control-api/bodies.ts';
import type { ChatMessage, ChatView, Group } from '../../src/sandbox/network/types.ts';
import type { AgentSpec, Call } from './api.ts';
import { chatIn, mergeChats, mergeMessages } from './boxes.ts';
import type { Caller } from './caller.ts';
import { rememberKey } from './keys.ts';
import type { Store } from './state.ts';
import { lookAt, phoneOf } from './who.ts';

/** What a customer writes. */
export interface Letter {
  text: string;
  mention?: boolean;
  /** A data URL. */
  image?: string | undefined;
  quoteId?: string | undefined;
}

type Faults = z.input<typeof NETWORK>;
type Settings = z.input<typeof SETTINGS>;

/** Everything that can be done on this page: each is a call that a script can make as well. */
export class Actions {
  readonly #store: Store;
  readonly #caller: Caller;

  constructor(store: Store, caller: Caller) {
    this.#store = store;
    this.#caller = caller;
  }

  /** Creates the agent through the public API, and remembers its key in this tab. */
  async createAgent({ userId, agentId, agentName, apiKey }: AgentSpec): Promise<boolean> {
    const body = { userId, agentId, agentName, apikey: apiKey };
    const made = await this.#caller.act('Create an agent', { method: 'POST', path: '/sessions', body });
    if (made === null) return false;
    rememberKey(agentId, apiKey);
    this.#store.change((state) => lookAt(state, agentId));
    return true;
  }

  /** Puts two agents, customers and a group in place. */
  seed(): Promise<unknown> {
    return this.#caller.act('Put the demo in place', { method: 'POST', path: '/sandbox/seed', body: {} });
  }

  /** Asks for a new code, as the agent's back end would. */
  newCode(agentId: string): Promise<unknown> {
    return this.#caller.act('Ask for a new code', { method: 'POST', path: `/sessions/${agentId}/reconnect` });
  }

  /** Scans the agent's code of this moment, or `qr`, with its phone. */
  async scan(agentId: string, name: string, qr?: string): Promise<boolean> {
    const label = qr === undefined ? 'Scan the code' : 'Scan an expired code';
    const body = { name, ...(qr !== undefined && { qr }) };
    return (await this.#phone(label, agentId, 'scan', body)) !== null;
  }

  /** Types a pairing code into the phone, as “Link with phone number instead” asks for. */
  async enterCode(agentId: string, name: string, code: string): Promise<boolean> {
    return (await this.#phone('Type a pairing code', agentId, 'code', { name, code })) !== null;
  }

  /** Signs with the passkey on the phone, and gives it to the service as its owner would. */
  async signPasskey(agentId: string): Promise<void> {
    const assertion = await this.#phone('Sign with the passkey', agentId, 'passkey', {});
    if (assertion === null) return;
    const call: Call = { method: 'POST', path: `/sessions/${agentId}/passkey`, body: assertion };
    await this.#caller.act('Give the passkey', call);
  }

  /** Changes how WhatsApp is for everybody. */
  setSettings(label: string, body: Settings): Promise<unknown> {
    return this.#caller.act(label, { method: 'POST', path: '/sandbox/settings', body });
  }

  /** Changes the text of the customer's message. */
  edit(agentId: string, messageId: string, text: string): Promise<unknown> {
    return this.#change('Edit a message', agentId, 'edit', { messageId, text });
  }

  /** Deletes the customer's message for everyone. */
  revoke(agentId: string, messageId: string): Promise<unknown> {
    return this.#change('Delete a message', agentId, 'revoke', { messageId });
  }

  /** Declines the code on the phone. */
  refuse(agentId: string): Promise<unknown> {
    return this.#phone('Refuse the code', agentId, 'refuse', {});
  }

  /** Logs the agent's device out on the phone. */
  unlink(agentId: string): Promise<unknown> {
    return this.#phone('Unlink', agentId, 'unlink', {});
  }

  /** Breaks or mends the line of the phone. */
  setNetwork(label: string, agentId: string, faults: Faults): Promise<unknown> {
    return this.#phone(label, agentId, 'network', faults);
  }

  /** Writes as the customer, to the agent or in a group that it is in. */
  async write(agentId: string, groupId: string | null, letter: Letter): Promise<boolean> {
    const { pn, hidesNumber } = this.#store.state.customer;
    const { text, mention, image, quoteId } = letter;
    const body = {
      from: digits(pn),
      ...this.#introduction(),
      text,
      ...(groupId !== null && { group: groupId }),
      ...(mention && { mention }),
      ...(image !== undefined && { image }),
      ...(quoteId !== undefined && { quoteId }),
      ...(hidesNumber && { hidesNumber }),
    };
    const label =
      groupId === null ? 'Write to the agent' : mention ? 'Mention it in a group' : 'Write in a group';
    return (await this.#phone(image ? 'Send an image' : label, agentId, 'messages', body)) !== null;
  }

  /** Posts a status as the customer. */
  async postStatus(agentId: string, text: string): Promise<boolean> {
    const { pn } = this.#store.state.customer;
    return (await this.#phone('Post a status', agentId, 'status', { from: digits(pn), text })) !== null;
  }

  /** Makes a group of these numbers; gives its JID. */
  async createGroup(name: string, participants: string[]): Promise<string | null> {
    const body = { name, participants: participants.map(digits) };
    const group = await this.#caller.act('Make a group', { method: 'POST', path: '/sandbox/groups', body });
    return (group as Group | null)?.id ?? null;
  }

  /** Somebody reads a chat on their phone: the ticks of what is in it turn blue. */
  async read(reader: string, chatId: string): Promise<void> {
    const chat = this.#store.state.boxes.get(reader)?.get(chatId);
    if (chat) chat.unread = 0;
    const path = `/sandbox/people/${digits(reader)}/read`;
    const label = phoneOf(this.#store.state, reader) ? "Read on the agent's phone" : 'Read as the customer';
    await this.#caller.act(label, { method: 'POST', path, body: { chat: chatId } }, { quiet: true });
  }

  /** Sends as the agent's back end does: through the public API, with the agent's key. */
  async sendAsAgent(agentId: string, to: string, message: string, key: string): Promise<boolean> {
    const call: Call = { method: 'POST', path: `/agents/${agentId}/messages`, body: { to, message }, key };
    /** A key that is refused is asked for the next time. */
    const onRefusal = (code: string) => code === 'UNAUTHORIZED' && rememberKey(agentId, '');
    const answer = (await this.#caller.act('Send as your back end', call, { onRefusal })) as {
      status?: string;
    } | null;
    if (answer?.status === 'queued') this.#caller.tell('Queued: it leaves when its turn comes.');
    return answer !== null;
  }

  /** Lets time pass for the whole sandbox. */
  advanceClock(advanceMs: number): Promise<unknown> {
    return this.#caller.act('Let time pass', { method: 'POST', path: '/sandbox/clock', body: { advanceMs } });
  }

  /** Deletes everything in the sandbox. */
  reset(): Promise<unknown> {
    return this.#caller.act('Reset the network', { method: 'POST', path: '/sandbox/reset', body: {} });
  }

  /** Loads the list of chats on somebody's phone, once. */
  async openBox(owner: string): Promise<void> {
    const { boxes } = this.#store.state;
    if (boxes.has(owner)) return;
    const box = new Map();
    boxes.set(owner, box);
    const path = `/sandbox/people/${digits(owner)}/chats`;
    const views = await this.#caller.look(path, () => boxes.delete(owner));
    if (views) this.#store.change(() => mergeChats(box, views as ChatView[]));
  }

  /** Loads the messages of a chat on somebody's phone, once. */
  async openChat(owner: string, chatId: string): Promise<void> {
    const box = this.#store.state.boxes.get(owner);
    if (!box || box.get(chatId)?.loaded) return;
    const chat = chatIn(box, chatId);
    chat.loaded = true;
    const query = new URLSearchParams({ chat: chatId, limit: '200' });
    const path = `/sandbox/people/${digits(owner)}/messages?${query}`;
    const messages = await this.#caller.look(path, () => {
      chat.loaded = false;
    });
    if (messages) this.#store.change(() => mergeMessages(chat, messages as ChatMessage[]));
  }

  /** The customer's name, when the network doesn't know it yet. */
  #introduction(): { name?: string } {
    const { customer, people } = this.#store.state;
    const isNumber = customer.name.startsWith('+');
    const isKnown = people.some(({ pn, name }) => pn === customer.pn && name === customer.name);
    return isNumber || isKnown ? {} : { name: customer.name };
  }

  /** The customer changes an own message. */
  #change(label: string, agentId: string, what: string, change: object): Promise<unknown> {
    const { pn } = this.#store.state.customer;
    return this.#phone(label, agentId, what, { from: digits(pn), ...change });
  }

  /** A call about the phone of an agent. */
  #phone(label: string, agentId: string, what: string, body: object): Promise<object | null> {
    const call: Call = { method: 'POST', path: `/sandbox/phones/${agentId}/${what}`, body };
    return this.#caller.act(label, call) as Promise<object | null>;
  }
}

/** A JID as scripts write it: digits alone for a number. */
function digits(jid: string): string {
  return jid.replace(/@c\.us$/, '');
}
