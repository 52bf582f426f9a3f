import type { z } from 'zod';
import type { MESSAGE, NETWORK, SETTINGS } from '../../src/sandbox/control-api/bodies.ts';
import type { ChatMessage, ChatView, Group } from '../../src/sandbox/network/types.ts';
import type { Caller } from './caller.ts';
import { chatIn, mergeChats, mergeMessages } from './chats.ts';
import { phoneOf, selectAgent } from './contacts.ts';
import type { AgentSpec, Call } from './http-call.ts';
import { rememberKey } from './keys.ts';
import type { Store } from './state.ts';

/** Characters of a file, 11 MB of bytes; the control API takes little more in one body. */
const MAX_BASE64 = 15_000_000;

type Message = z.input<typeof MESSAGE>;

/** A message that a customer is about to send. */
export interface Draft extends Pick<Message, 'mention' | 'quoteId' | 'file' | 'location' | 'contacts'> {
  text: string;
}

type Faults = z.input<typeof NETWORK>;
type Settings = z.input<typeof SETTINGS>;

/** Everything that can be done on this page, each by one call of the API. */
export class Actions {
  readonly #store: Store;
  readonly #caller: Caller;

  constructor(store: Store, caller: Caller) {
    this.#store = store;
    this.#caller = caller;
  }

  /** Creates the agent through the public API and keeps its key in this tab; false when refused. */
  async createAgent({ userId, agentId, agentName, apiKey }: AgentSpec): Promise<boolean> {
    const body = { userId, agentId, agentName, apikey: apiKey };
    const created = await this.#caller.act('Create an agent', { method: 'POST', path: '/sessions', body });
    if (created === null) return false;
    rememberKey(agentId, apiKey);
    this.#store.change((state) => selectAgent(state, agentId));
    return true;
  }

  /** Creates the demo: two agents, customers and a group. */
  seed(): Promise<unknown> {
    return this.#caller.act('Create the demo', { method: 'POST', path: '/sandbox/seed', body: {} });
  }

  /** Reconnects the agent, as its back end would, so that it shows a new code. */
  newCode(agentId: string): Promise<unknown> {
    return this.#caller.act('Ask for a new code', { method: 'POST', path: `/sessions/${agentId}/reconnect` });
  }

  /** Scans the agent's current code, or `qr`, with its phone. */
  async scan(agentId: string, name: string, qr?: string): Promise<boolean> {
    const label = qr === undefined ? 'Scan the code' : 'Scan an expired code';
    const body = { name, ...(qr !== undefined && { qr }) };
    return (await this.#phone(label, agentId, 'scan', body)) !== null;
  }

  /** Enters a pairing code on the phone, as under “Link with phone number instead”. */
  async enterCode(agentId: string, name: string, code: string): Promise<boolean> {
    return (await this.#phone('Enter a pairing code', agentId, 'code', { name, code })) !== null;
  }

  /** Signs with the passkey on the phone and passes the assertion to the service, as the owner would. */
  async signPasskey(agentId: string): Promise<void> {
    const assertion = await this.#phone('Sign with the passkey', agentId, 'passkey', {});
    if (assertion === null) return;
    const call: Call = { method: 'POST', path: `/sessions/${agentId}/passkey`, body: assertion };
    await this.#caller.act('Submit the passkey', call);
  }

  /** Changes settings of the whole simulated network. */
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

  /** Reacts to a message as the customer; an empty emoji takes the reaction back. */
  react(agentId: string, messageId: string, emoji: string): Promise<unknown> {
    return this.#change('React to a message', agentId, 'react', { messageId, emoji });
  }

  /** Votes in a poll as the customer. */
  vote(agentId: string, messageId: string, options: string[]): Promise<unknown> {
    return this.#change('Vote in a poll', agentId, 'vote', { messageId, options });
  }

  /** Declines the code on the phone. */
  refuse(agentId: string): Promise<unknown> {
    return this.#phone('Refuse the code', agentId, 'refuse', {});
  }

  /** Logs the agent's device out on the phone. */
  unlink(agentId: string): Promise<unknown> {
    return this.#phone('Unlink', agentId, 'unlink', {});
  }

  /** Sets or clears faults of the phone's connection. */
  setNetwork(label: string, agentId: string, faults: Faults): Promise<unknown> {
    return this.#phone(label, agentId, 'network', faults);
  }

  /** Sends as the customer, to the agent or to a group that it is in; false when refused. */
  async write(agentId: string, groupId: string | null, draft: Draft): Promise<boolean> {
    const { pn, hidesNumber } = this.#store.state.customer;
    const { mention, ...message } = draft;
    // Before a command of that length is made of it.
    if ((draft.file?.data.length ?? 0) > MAX_BASE64) {
      this.#caller.notify('A file that is sent from here may have 11 MB at most.', true);
      return false;
    }
    const body: Message = {
      from: digits(pn),
      ...this.#introduction(),
      ...message,
      ...(groupId !== null && { group: groupId }),
      ...(mention && { mention }),
      ...(hidesNumber && { hidesNumber }),
    };
    return (await this.#phone(labelOf(draft, groupId !== null), agentId, 'messages', body)) !== null;
  }

  /** The customer types to the agent or in a group, or types no more. */
  async type(agentId: string, groupId: string | null, typing: boolean): Promise<void> {
    const from = digits(this.#store.state.customer.pn);
    const body = { from, typing, ...(groupId !== null && { group: groupId }) };
    const path = `/sandbox/phones/${agentId}/typing`;
    await this.#caller.act('Type as the customer', { method: 'POST', path, body }, { quiet: true });
  }

  /** Posts a status as the customer; false when refused. */
  async postStatus(agentId: string, text: string): Promise<boolean> {
    const { pn } = this.#store.state.customer;
    return (await this.#phone('Post a status', agentId, 'status', { from: digits(pn), text })) !== null;
  }

  /** Creates a group of these JIDs; returns its JID, or null when refused. */
  async createGroup(name: string, participants: string[]): Promise<string | null> {
    const body = { name, participants: participants.map(digits) };
    const group = await this.#caller.act('Create a group', { method: 'POST', path: '/sandbox/groups', body });
    return (group as Group | null)?.id ?? null;
  }

  /** Marks a chat as read on the phone of `reader`: the sender's ticks turn blue. */
  async read(reader: string, chatId: string): Promise<void> {
    const chat = this.#store.state.chatsOf.get(reader)?.get(chatId);
    if (chat) chat.unread = 0;
    const path = `/sandbox/people/${digits(reader)}/read`;
    const label = phoneOf(this.#store.state, reader) ? "Read on the agent's phone" : 'Read as the customer';
    await this.#caller.act(label, { method: 'POST', path, body: { chat: chatId } }, { quiet: true });
  }

  /** Marks a voice note as played by `listener`: its writer sees it. */
  play(listener: string, messageId: string): Promise<unknown> {
    const path = `/sandbox/people/${digits(listener)}/play`;
    return this.#caller.act('Play a voice message', { method: 'POST', path, body: { messageId } });
  }

  /** Sends as the agent's back end does, through the public API with the agent's key; false when refused. */
  async sendAsAgent(agentId: string, to: string, message: string, key: string): Promise<boolean> {
    const call: Call = { method: 'POST', path: `/agents/${agentId}/messages`, body: { to, message }, key };
    /** Forgets a refused key, so that it is asked for the next time. */
    const onRefusal = (code: string) => code === 'UNAUTHORIZED' && rememberKey(agentId, '');
    const answer = (await this.#caller.act('Send as your back end', call, { onRefusal })) as {
      status?: string;
    } | null;
    if (answer?.status === 'queued') this.#caller.notify('Queued: it is sent when its turn comes.');
    return answer !== null;
  }

  /** Advances the clock of the whole sandbox. */
  advanceClock(advanceMs: number): Promise<unknown> {
    return this.#caller.act('Advance the clock', {
      method: 'POST',
      path: '/sandbox/clock',
      body: { advanceMs },
    });
  }

  /** Deletes everything in the sandbox. */
  reset(): Promise<unknown> {
    return this.#caller.act('Reset the network', { method: 'POST', path: '/sandbox/reset', body: {} });
  }

  /** Loads the list of chats on the owner's phone, once. */
  async loadChats(owner: string): Promise<void> {
    const { chatsOf } = this.#store.state;
    if (chatsOf.has(owner)) return;
    const chats = new Map();
    chatsOf.set(owner, chats);
    const path = `/sandbox/people/${digits(owner)}/chats`;
    const views = await this.#caller.read(path, () => chatsOf.delete(owner));
    if (views) this.#store.change(() => mergeChats(chats, views as ChatView[]));
  }

  /** Loads the messages of a chat on the owner's phone, once. */
  async loadMessages(owner: string, chatId: string): Promise<void> {
    const chats = this.#store.state.chatsOf.get(owner);
    if (!chats || chats.get(chatId)?.loaded) return;
    const chat = chatIn(chats, chatId);
    chat.loaded = true;
    const query = new URLSearchParams({ chat: chatId, limit: '200' });
    const path = `/sandbox/people/${digits(owner)}/messages?${query}`;
    const messages = await this.#caller.read(path, () => {
      chat.loaded = false;
    });
    if (messages) this.#store.change(() => mergeMessages(chat, messages as ChatMessage[]));
  }

  /** The customer's name, while the network doesn't have it. */
  #introduction(): { name?: string } {
    const { customer, people } = this.#store.state;
    const isNumber = customer.name.startsWith('+');
    const isKnown = people.some(({ pn, name }) => pn === customer.pn && name === customer.name);
    return isNumber || isKnown ? {} : { name: customer.name };
  }

  /** Changes a message as the customer. */
  #change(label: string, agentId: string, what: string, change: object): Promise<unknown> {
    const { pn } = this.#store.state.customer;
    return this.#phone(label, agentId, what, { from: digits(pn), ...change });
  }

  /** Calls the control API of an agent's phone; null when refused. */
  #phone(label: string, agentId: string, what: string, body: object): Promise<object | null> {
    const call: Call = { method: 'POST', path: `/sandbox/phones/${agentId}/${what}`, body };
    return this.#caller.act(label, call) as Promise<object | null>;
  }
}

/** What a draft does, as a label of its command. */
function labelOf({ file, location, contacts, mention }: Draft, inGroup: boolean): string {
  if (file) return file.type === 'ptt' ? 'Send a voice note' : 'Send a file';
  if (location) return 'Send a location';
  if (contacts) return 'Send a contact';
  if (!inGroup) return 'Write to the agent';
  return mention ? 'Mention it in a group' : 'Write in a group';
}

/** A JID without the domain of a number. */
function digits(jid: string): string {
  return jid.replace(/@c\.us$/, '');
}
