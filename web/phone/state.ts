import type { PhoneView } from '../../src/sandbox/control-api/phones.ts';
import type {
  Account,
  ChatMessage,
  ChatView,
  Group,
  NetworkSettings,
  WireEntry,
} from '../../src/sandbox/network/types.ts';
import { oncePerFrame } from '../shared/dom.ts';

/** A chat on a phone; its messages are loaded when it is opened. */
export interface Chat {
  id: string;
  name: string;
  kind: ChatView['kind'];
  unread: number;
  last: ChatMessage | undefined;
  messages: ChatMessage[];
  loaded: boolean;
}

/** The chats of one person, by JID. */
export type ChatMap = Map<string, Chat>;

/** A person whom the viewer can write as. */
export interface Customer {
  /** `628…@c.us` */
  pn: string;
  name: string;
  /** Addressed by a LID; the number is hidden from others. */
  hidesNumber?: boolean;
}

/** A call as a cURL command. */
export interface Command {
  label: string;
  curl: string;
  /** The same without secrets. */
  shown: string;
}

/** Everything that the page shows. */
export interface State {
  connection: 'connecting' | 'live' | 'reconnecting';
  /** True after the first update. */
  known: boolean;
  phones: PhoneView[];
  people: Account[];
  groups: Group[];
  /** By owner, for the phones that were shown. */
  chatsOf: Map<string, ChatMap>;
  /** `reader|chat` */
  typing: Set<string>;
  wire: WireEntry[];
  /** Settings of the network; null until the first update. */
  settings: NetworkSettings | null;
  /** How far the simulated clock is ahead of the browser's, ms. */
  clockAhead: number;
  agentId: string | null;
  customer: Customer;
  /** Customers created here that have not written yet. */
  newCustomers: Customer[];
  customerChat: string | null;
  customerTab: 'chats' | 'status';
  agentChat: string | null;
  agentTab: 'chats' | 'devices';
  /** The visible part of a narrow page. */
  view: 'agent' | 'customer' | 'tools';
  /** Newest last. */
  commands: Command[];
  notice: { text: string; bad: boolean } | null;
}

/** The customers to choose from at first; the first two are the demo's. */
export const FIRST_CUSTOMERS: Customer[] = [
  { pn: '6285000000001@c.us', name: 'Sari' },
  { pn: '6285000000002@c.us', name: 'Budi' },
  { pn: '6285000000003@c.us', name: 'Citra' },
];

/** Holds the state and notifies one listener, at most once per frame. */
export class Store {
  readonly state: State = {
    connection: 'connecting',
    known: false,
    phones: [],
    people: [],
    groups: [],
    chatsOf: new Map(),
    typing: new Set(),
    wire: [],
    settings: null,
    clockAhead: 0,
    agentId: null,
    customer: FIRST_CUSTOMERS[0]!,
    newCustomers: [],
    customerChat: null,
    customerTab: 'chats',
    agentChat: null,
    agentTab: 'devices',
    view: 'agent',
    commands: [],
    notice: null,
  };
  #listener: (state: State) => void = () => undefined;
  readonly #notify = oncePerFrame(() => this.#listener(this.state));

  /** Sets the one listener. */
  onChange(listener: (state: State) => void): void {
    this.#listener = listener;
  }

  /** Changes the state; the listener is notified with the next frame. */
  change(make: (state: State) => void): void {
    make(this.state);
    this.#notify();
  }
}
