import type { PhoneView } from '../../src/sandbox/control-api/phones.ts';
import type { LineView, NetworkSettings } from '../../src/sandbox/network/types.ts';
import { el, setAttribute, setText } from '../shared/dom.ts';
import type { Actions } from './actions.ts';
import { selectedPhone } from './contacts.ts';
import { confirmed } from './dialogs.ts';
import { panel } from './panel.ts';
import type { State, Store } from './state.ts';

type Kind = NonNullable<LineView['restriction']>['kind'];
type Faults = Parameters<Actions['setNetwork']>[2];

/** Connection states to choose from. */
const STATES: [string, string][] = [
  ['CONFLICT', 'CONFLICT: another device takes over'],
  ['TIMEOUT', 'TIMEOUT: the phone is unreachable'],
  ['PROXYBLOCK', 'PROXYBLOCK: the network is blocked'],
  ['DEPRECATED_VERSION', 'DEPRECATED_VERSION: the client is too old'],
  ['TOS_BLOCK', 'TOS_BLOCK: the account is banned'],
];

const STEPS: [string, number][] = [
  ['+30 s', 30_000],
  ['+1 min', 60_000],
  ['+10 min', 600_000],
  ['+1 h', 3_600_000],
];

/** Restrictions of an account to choose from. */
const RESTRICTIONS: [string, string][] = [
  ['', 'No restriction'],
  ['reachout_timelock', '463: no messages to new people (timelock)'],
  ['message_cap', '475: no messages to new people (cap)'],
];

/** A setting of the whole simulated network: its options, and the change that each makes. */
interface Choice {
  label: string;
  options: [string, string][];
  read(settings: NetworkSettings): string;
  change(value: string): Partial<NetworkSettings>;
}

const NOTICE_MS = 300_000;
const BROKEN = ['WAWebSendMsgChatAction.addAndSendMsgToChat'];
const CHOICES: Choice[] = [
  {
    label: 'Linking',
    options: [
      ['off', 'By the code only'],
      ['refs_stop', 'With a passkey; codes stop'],
      ['refs_go_on', 'With a passkey; codes continue'],
    ],
    read: ({ passkey }) => passkey,
    change: (passkey) => ({ passkey: passkey as NetworkSettings['passkey'] }),
  },
  {
    label: 'People',
    options: [
      ['false', 'By number'],
      ['true', 'By LID'],
    ],
    read: ({ lidForAll }) => String(lidForAll),
    change: (value) => ({ lidForAll: value === 'true' }),
  },
  {
    label: 'Direct messages',
    options: [
      ['false', 'Under one key'],
      ['true', 'By number and by LID'],
    ],
    read: ({ twoKeys }) => String(twoKeys),
    change: (value) => ({ twoKeys: value === 'true' }),
  },
  {
    label: 'After linking',
    options: [
      ['false', 'No notice'],
      ['true', 'Log-out after 5 min unless a notice is answered'],
    ],
    read: ({ noticeMs }) => String(noticeMs !== null),
    change: (value) => ({ noticeMs: value === 'true' ? NOTICE_MS : null }),
  },
  {
    label: 'The page',
    options: [
      ['false', 'Complete'],
      ['true', 'Lacks a function for sending'],
    ],
    read: ({ missing }) => String(missing.length > 0),
    change: (value) => ({ missing: value === 'true' ? BROKEN : [] }),
  },
];

/** A labelled select. */
function select(label: string, options: [string, string][], choose: (value: string) => void) {
  const input = el(
    'select',
    { 'aria-label': label },
    ...options.map(([value, text]) => el('option', { value }, text)),
  );
  input.addEventListener('change', () => choose(input.value));
  return { input, node: el('label', { class: 'choice' }, el('span', {}, label), input) };
}

/** A slider that reports its value on release. */
function slider(label: string, max: number, step: number, unit: string, set: (value: number) => void) {
  const input = el('input', { type: 'range', min: '0', max: String(max), step: String(step), value: '0' });
  const output = el('output', {}, `0 ${unit}`);
  input.addEventListener('input', () => setText(output, `${input.value} ${unit}`));
  input.addEventListener('change', () => set(Number(input.value)));
  return {
    input,
    node: el('label', { class: 'slider' }, el('span', {}, label), input, output),
    /** Shows the current value, unless the viewer is moving the slider. */
    show(value: number) {
      if (document.activeElement === input && input.matches(':active')) return;
      input.value = String(value);
      setText(output, `${value} ${unit}`);
    },
  };
}

/** Faults between WhatsApp and the agent, settings of the network, and the clock. */
export class NetworkPanel {
  readonly node: HTMLElement;
  readonly #store: Store;
  readonly #actions: Actions;
  readonly #line = el('p', { class: 'line-state', role: 'status' });
  readonly #buttons: HTMLButtonElement[] = [];
  readonly #freeze: HTMLButtonElement;
  readonly #states = el('select', { 'aria-label': 'Put the connection into a state' });
  readonly #latency = slider('Latency', 5_000, 50, 'ms', (latencyMs) =>
    this.#set('Set the latency', { latencyMs }),
  );
  readonly #failures = slider('Sends that fail', 100, 5, '%', (share) =>
    this.#set('Let sends fail', { failureRate: share / 100 }),
  );
  readonly #restriction = select('The account', RESTRICTIONS, (kind) =>
    this.#set('Restrict the account', { restrict: kind === '' ? null : { kind: kind as Kind } }),
  );
  readonly #choices: { choice: Choice; input: HTMLSelectElement; node: HTMLElement }[];
  readonly #fields = el('fieldset', { class: 'plain' });

  constructor(store: Store, actions: Actions) {
    this.#store = store;
    this.#actions = actions;
    /** A button that sets faults. */
    const act = (text: string, faults: Faults, label = text) => {
      const button = el('button', { type: 'button', on: { click: () => this.#set(label, faults) } }, text);
      this.#buttons.push(button);
      return button;
    };
    /** Whether the client is frozen. */
    const isFrozen = () => selectedPhone(store.state)?.line?.frozen ?? false;
    this.#freeze = el('button', { type: 'button' }, 'Freeze');
    this.#freeze.addEventListener('click', () =>
      this.#set(isFrozen() ? 'Thaw' : 'Freeze', { freeze: !isFrozen() }),
    );
    this.#fillStates();
    this.#fields.append(
      el('legend', { class: 'sr-only' }, 'Faults'),
      el(
        'div',
        { class: 'buttons' },
        act('Drop', { drop: true }, 'Drop the connection'),
        act('Drop for 5 s', { drop: 5_000 }),
        act('Bring back', { restore: true }),
        this.#freeze,
        act('Crash', { crash: true }, 'Crash the client'),
      ),
      this.#states,
      this.#latency.node,
      this.#failures.node,
      this.#restriction.node,
    );
    this.#choices = CHOICES.map((choice) => ({ choice, ...this.#choiceOf(choice) }));
    const settings = el('fieldset', { class: 'plain' }, el('legend', {}, 'WhatsApp, for all agents'));
    settings.append(...this.#choices.map(({ node }) => node));
    this.node = panel('network', 'Network', this.#line, this.#fields, settings, this.#clock());
  }

  /** Shows the current faults and settings. */
  show(state: State): void {
    const phone = selectedPhone(state);
    const line = phone?.line ?? null;
    setText(this.#line, lineText(phone));
    setAttribute(this.#line, 'data-state', line === null ? 'none' : line.online ? 'online' : 'offline');
    this.#fields.disabled = line === null;
    setText(this.#freeze, line?.frozen ? 'Thaw' : 'Freeze');
    setAttribute(this.#freeze, 'aria-pressed', String(line?.frozen ?? false));
    this.#latency.show(line?.latencyMs ?? 0);
    this.#failures.show(Math.round((line?.failureRate ?? 0) * 100));
    this.#restriction.input.value = line?.restriction?.kind ?? '';
    if (!state.settings) return;
    for (const { choice, input } of this.#choices) input.value = choice.read(state.settings);
  }

  /** The select of one setting. */
  #choiceOf({ label, options, change }: Choice): ReturnType<typeof select> {
    return select(label, options, (value) => void this.#actions.setSettings(`Set: ${label}`, change(value)));
  }

  /** Fills the list of states; choosing one sets it and returns the list to its title. */
  #fillStates(): void {
    const title = el('option', { value: '' }, 'Another state…');
    this.#states.append(title, ...STATES.map(([value, text]) => el('option', { value }, text)));
    this.#states.addEventListener('change', () => {
      const state = this.#states.value;
      this.#states.value = '';
      if (state !== '') this.#set(`State ${state}`, { state });
    });
  }

  /** The buttons that advance the clock or reset the sandbox. */
  #clock(): HTMLElement {
    const steps = STEPS.map(([text, ms]) =>
      el('button', { type: 'button', on: { click: () => void this.#actions.advanceClock(ms) } }, text),
    );
    const reset = el('button', { type: 'button', class: 'danger' }, 'Reset…');
    reset.addEventListener('click', () => void this.#reset());
    const legend = el('legend', {}, 'Clock');
    return el('fieldset', { class: 'plain clock' }, legend, el('div', { class: 'buttons' }, ...steps, reset));
  }

  /** Deletes everything, after a confirmation. */
  async #reset(): Promise<void> {
    const question = 'Delete all agents, phones, chats and messages of the sandbox?';
    if (await confirmed(question, 'Reset')) await this.#actions.reset();
  }

  /** Sets faults of the selected agent. */
  #set(label: string, faults: Faults): void {
    const { agentId } = this.#store.state;
    if (agentId !== null) void this.#actions.setNetwork(label, agentId, faults);
  }
}

/** The connection of a phone, in words. */
function lineText(phone: PhoneView | undefined): string {
  const line = phone?.line;
  if (!line) return 'No phone is linked.';
  if (line.banned) return 'The account is banned.';
  const faults = [
    ...(line.frozen ? ['frozen'] : []),
    ...(line.latencyMs > 0 ? [`${line.latencyMs} ms slower`] : []),
    ...(line.restriction ? ['restricted'] : []),
    ...(line.failureRate > 0 ? [`${Math.round(line.failureRate * 100)} % of sends fail`] : []),
  ];
  const words = line.online
    ? 'Online'
    : `Offline${phone.devices.length > 0 ? ` (${phone.devices.join(', ')})` : ''}`;
  return [words, ...faults].join(', ');
}
