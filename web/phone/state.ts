import type { PhoneView } from '../../src/sandbox/network/phones.ts';
import type {
  Account,
  ChatMessage,
  ChatView,
  Group,
  NetworkSettings,
  WireEntry,
} from '../../src/sandbox/network/types.ts';
import { oncePerFrame } from '../shared/dom.ts';

/** A chat on somebody's phone; its messages are there once it was opened. */
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
export type Box = Map<string, Chat>;

/** A person that the viewer can be. */
export interface Customer {
  /** `628…@c.us` */
  pn: string;
  name: string;
  /** Addressed by a LID, which is all that others know of this person. */
  hidesNumber?: boolean;
}

/** A call that was made, as a shell would make it. */
export interface Command {
  label: string;
  curl: string;
  /** The same without secrets. */
  shown: string;
}

/** Everything that the page shows. */
export interface State {
  connection: 'connecting' | 'live' | 'reconnecting';
  /** True once the first picture came. */
  known: boolean;
  phones: PhoneView[];
  people: Account[];
  groups: Group[];
  /** By owner; only of those whose phone is looked at. */
  boxes: Map<string, Box>;
  /** `reader|chat` */
  typing: Set<string>;
  wire: WireEntry[];
  /** What holds for everybody; null until the first picture came. */
  settings: NetworkSettings | null;
  /** The simulated network's clock, less the browser's, ms. */
  clockAhead: number;
  agentId: string | null;
  customer: Customer;
  /** Customers that were thought of here and have not written yet. */
  newCustomers: Customer[];
  customerChat: string | null;
  customerTab: 'chats' | 'status';
  botChat: string | null;
  botTab: 'chats' | 'devices';
  /** What is in sight where there is no room for everything. */
  view: 'agent' | 'customer' | 'tools';
  /** Newest last. */
  commands: Command[];
  notice: { text: string; bad: boolean } | null;
}

/** Who one can be before anybody has written; the first two are those of the demo. */
export const FIRST_CUSTOMERS: Customer[] = [
  { pn: '6285000000001@c.us', name: 'Sari' },
  { pn: '6285000000002@c.us', name: 'Budi' },
  { pn: '6285000000003@c.us', name: 'Citra' },
];

/** Holds the state, and calls the listener once per frame when it has changed. */
export class Store {
  readonly state: State = {
    connection: 'connecting',
    known: false,
    phones: [],
    people: [],
    groups: [],
    boxes: new Map(),
    typing: new Set(),
    wire: [],
    settings: null,
    clockAhead: 0,
    agentId: null,
    customer: FIRST_CUSTOMERS[0]!,
    newCustomers: [],
    customerChat: null,
    customerTab: 'chats',
    botChat: null,
    botTab: 'devices',
    view: 'agent',
    commands: [],
    notice: null,
  };
  #listener: (state: State) => void = () => undefined;
  readonly #tell = oncePerFrame(() => this.#listener(this.state));

  /** Sets the one listener. */
  onChange(listener: (state: State) => void): void {
    this.#listener = listener;
  }

  /** Makes a change; the listener hears of it with the next frame. */
  change(make: (state: State) => void): void {
    make(this.state);
    this.#tell();
  }
}
