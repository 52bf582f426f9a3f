import type { PhoneView } from '../../src/sandbox/control-api/phones.ts';
import { el, icon, setAttribute, setShown, setText } from '../shared/dom.ts';
import type { Actions } from './actions.ts';
import { selectedPhone } from './contacts.ts';
import type { State, Store } from './state.ts';

const LAPTOP = 'M5 5h14v10H5zM2 19h20';
const REMEMBERED_CODES = 4;

/** Shown in place of the code, by status. */
const CODE_TEXTS: Record<string, string> = {
  awaiting_qr: 'Waiting for the code…',
  connected: 'Linked.',
  disconnected: 'The agent shows no code.',
  auth_failed: 'WhatsApp has refused this account.',
};

/** A button with a text. */
function button(text: string, act: () => void, kind = ''): HTMLButtonElement {
  return el('button', { type: 'button', class: kind, on: { click: act } }, text);
}

/** “Linked devices” of the agent's phone: the camera with the agent's code, or the linked device. */
export class LinkedDevices {
  readonly node: HTMLElement;
  readonly #store: Store;
  readonly #actions: Actions;
  readonly #code = el('img', { alt: 'The QR code that the agent shows', width: '220', height: '220' });
  readonly #waiting = el('p', { class: 'empty' });
  readonly #camera = el('div', { class: 'camera' });
  readonly #scan = button('Scan the code', () => this.#link(), 'primary');
  readonly #refuse = button('Refuse', () => this.#with((id) => this.#actions.refuse(id)));
  readonly #expired = button('Scan an expired code', () => this.#scanExpired());
  readonly #fresh = button(
    'Ask for a new code',
    () => this.#with((id) => this.#actions.newCode(id)),
    'primary',
  );
  readonly #passkey = button(
    'Sign with the passkey',
    () => this.#with((id) => this.#actions.signPasskey(id)),
    'primary',
  );
  readonly #codeInput = el('input', {
    name: 'code',
    required: true,
    maxlength: '16',
    autocomplete: 'off',
    placeholder: 'ABCD-1234',
  });
  readonly #linking: HTMLElement;
  readonly #linked: HTMLElement;
  readonly #deviceState = el('small', {});
  /** Codes of each agent, the newest last. */
  readonly #codes = new Map<string, string[]>();

  constructor(store: Store, actions: Actions) {
    this.#store = store;
    this.#actions = actions;
    this.#camera.append(this.#code, this.#waiting, el('span', { class: 'corners', 'aria-hidden': 'true' }));
    const choices = el('div', { class: 'choices' }, this.#scan, this.#fresh, this.#refuse, this.#expired);
    const hint = el('p', { class: 'hint' }, 'Point this phone at the code that the service shows.');
    const label = el('label', {}, 'Or link with the phone number: its pairing code', this.#codeInput);
    const form = el('form', { class: 'key-form' }, label, el('button', {}, 'Link with the code'));
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#enterCode();
    });
    this.#linking = el('div', { class: 'linking' }, hint, this.#camera, this.#passkey, choices, form);
    const unlink = button('Unlink', () => this.#with((id) => this.#actions.unlink(id)), 'danger');
    const device = el('span', { class: 'title' }, el('b', {}, 'WhatsApp gateway'), this.#deviceState);
    this.#linked = el('div', { class: 'device' }, icon(LAPTOP), device, unlink);
    this.node = el('div', { class: 'devices' }, el('h3', {}, 'Linked devices'), this.#linked, this.#linking);
  }

  /** Shows the current code, or the linked device. */
  show(state: State): void {
    const phone = selectedPhone(state);
    if (phone?.qr) this.#remember(phone.agentId, phone.qr.code);
    setShown(this.#linked, phone?.linked ?? false);
    setShown(this.#linking, phone !== undefined && !phone.linked);
    if (!phone) return;
    setText(this.#deviceState, deviceText(phone));
    setShown(this.#passkey, state.settings !== null && state.settings.passkey !== 'off');
    setShown(this.#code, phone.qr !== null);
    setShown(this.#waiting, phone.qr === null);
    setText(this.#waiting, CODE_TEXTS[phone.status ?? ''] ?? 'The service no longer has this agent.');
    if (phone.qr) setAttribute(this.#code, 'src', `/sessions/${phone.agentId}/qr?at=${phone.qr.issuedAt}`);
    setShown(this.#scan, phone.qr !== null);
    setShown(this.#fresh, phone.qr === null && phone.status !== null);
    this.#refuse.disabled = phone.qr === null;
    this.#expired.disabled = this.#spent(phone) === undefined;
    const why = 'Available once the first code has been replaced, after 20 s.';
    setAttribute(this.#expired, 'title', this.#expired.disabled && why);
  }

  /** An expired code of the agent; undefined without one. */
  #spent(phone: PhoneView): string | undefined {
    return this.#codes.get(phone.agentId)?.findLast((code) => code !== phone.qr?.code);
  }

  /** Keeps a code for a scan after its expiry. */
  #remember(agentId: string, code: string): void {
    const codes = this.#codes.get(agentId) ?? [];
    if (codes.at(-1) === code) return;
    this.#codes.set(agentId, [...codes, code].slice(-REMEMBERED_CODES));
  }

  /** Runs an action on the selected agent. */
  #with(act: (agentId: string) => Promise<unknown>): void {
    const { agentId } = this.#store.state;
    if (agentId !== null) void act(agentId);
  }

  /** Scans the current code. */
  #link(): void {
    const phone = selectedPhone(this.#store.state);
    if (phone) void this.#actions.scan(phone.agentId, phone.agentName ?? phone.agentId);
  }

  /** Enters the pairing code. */
  async #enterCode(): Promise<void> {
    const phone = selectedPhone(this.#store.state);
    if (!phone) return;
    const name = phone.agentName ?? phone.agentId;
    if (await this.#actions.enterCode(phone.agentId, name, this.#codeInput.value)) this.#codeInput.value = '';
  }

  /** Scans an expired code, which WhatsApp refuses. */
  #scanExpired(): void {
    const phone = selectedPhone(this.#store.state);
    const code = phone && this.#spent(phone);
    if (phone && code) void this.#actions.scan(phone.agentId, phone.agentName ?? phone.agentId, code);
  }
}

/** The state of the linked device, as the phone shows it. */
function deviceText({ devices, line }: PhoneView): string {
  if (line?.banned) return 'This account is banned';
  if (devices.includes('CONNECTED')) return line?.frozen ? 'Active, but frozen' : 'Active now';
  return devices.length > 0 ? `Connecting… (${devices.join(', ')})` : 'Not connected';
}
