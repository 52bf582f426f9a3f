import type { ChatMessage } from '../../src/sandbox/network/types.ts';
import { el } from '../shared/dom.ts';
import type { AgentSpec } from './http-call.ts';
import type { Customer } from './state.ts';

type Card = NonNullable<ChatMessage['contacts']>[number];

/** A labelled field of a dialog. */
function field(label: string, name: string, attributes: Record<string, string | boolean> = {}): HTMLElement {
  return el('label', {}, label, el('input', { name, required: true, ...attributes }));
}

/** A labelled checkbox. */
function tick(label: string, name: string, attributes: Record<string, string | boolean> = {}): HTMLElement {
  return el('label', { class: 'tick' }, el('input', { type: 'checkbox', name, ...attributes }), label);
}

/** Shows a form in a dialog; null when cancelled. */
function ask(title: string, action: string, ...fields: HTMLElement[]): Promise<FormData | null> {
  const cancel = el('button', { type: 'button' }, 'Cancel');
  const buttons = el('div', { class: 'buttons' }, cancel, el('button', { class: 'primary' }, action));
  const form = el('form', { method: 'dialog' }, el('h2', {}, title), ...fields, buttons);
  const dialog = el('dialog', { 'aria-label': title }, form);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    let answer: FormData | null = null;
    cancel.addEventListener('click', () => dialog.close());
    form.addEventListener('submit', () => {
      answer = new FormData(form);
    });
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(answer);
    });
  });
}

/** The trimmed text of a field. */
function textOf(form: FormData, name: string): string {
  return String(form.get(name) ?? '').trim();
}

/** Asks for a new customer; null when cancelled. */
export async function askForCustomer(): Promise<Customer | null> {
  const suggestion = `+62 812 ${String(Math.floor(Math.random() * 1e8)).padStart(8, '0')}`;
  const form = await ask(
    'New customer',
    'Be this customer',
    field('Name', 'name', { maxlength: '64', autocomplete: 'off' }),
    field('Number', 'number', { value: suggestion, inputmode: 'tel', pattern: '\\+?[\\d\\s\\-]{6,20}' }),
    tick('Hides the number: shown as …@lid', 'hidesNumber'),
  );
  if (!form) return null;
  const pn = `${textOf(form, 'number').replace(/\D/g, '')}@c.us`;
  return { pn, name: textOf(form, 'name'), hidesNumber: form.has('hidesNumber') };
}

/** Asks for the name and members of a new group; null when cancelled. */
export async function askForGroup(
  customers: Customer[],
  self: Customer,
): Promise<{ name: string; members: string[] } | null> {
  const others = customers.filter(({ pn }) => pn !== self.pn);
  const members = others.map(({ pn, name }) => tick(name, 'member', { value: pn }));
  const list = el('fieldset', {}, el('legend', {}, 'With you, the agent and'), ...members);
  const name = field('Name', 'name', { value: 'Family', maxlength: '64' });
  const form = await ask('New group', 'Create the group', name, list);
  return form && { name: textOf(form, 'name'), members: form.getAll('member').map(String) };
}

/** Asks for a new agent; null when cancelled. */
export async function askForAgent(): Promise<AgentSpec | null> {
  const form = await ask(
    'New agent',
    'Create the agent',
    field('Name', 'agentName', { value: 'Support', maxlength: '64' }),
    field('agentId', 'agentId', { value: 'support', pattern: '[A-Za-z0-9][A-Za-z0-9_\\-]{0,63}' }),
    field('userId', 'userId', { value: '1', type: 'number', min: '1' }),
    field('API key', 'apiKey', { value: 'sandbox-key' }),
  );
  if (!form) return null;
  const [agentId, agentName] = [textOf(form, 'agentId'), textOf(form, 'agentName')];
  return { agentId, agentName, userId: Number(form.get('userId')), apiKey: textOf(form, 'apiKey') };
}

/** Asks for `SESSIONS_TOKEN`; null when cancelled. */
export async function askForToken(): Promise<string | null> {
  const token = field('SESSIONS_TOKEN', 'token', { type: 'password', autocomplete: 'off' });
  const form = await ask('This service requires its token', 'Continue', token);
  return form && textOf(form, 'token');
}

/** Asks for the new text of a message; null when cancelled. */
export async function askForEdit(text: string): Promise<string | null> {
  const form = await ask('Edit the message', 'Save', field('Text', 'text', { value: text }));
  return form && textOf(form, 'text');
}

/** Asks for a place; null when cancelled. */
export async function askForLocation(): Promise<ChatMessage['location'] | null> {
  /** A field for degrees. */
  const degrees = (label: string, name: string, value: string, most: number) =>
    field(label, name, { type: 'number', step: 'any', min: String(-most), max: String(most), value });
  const form = await ask(
    'Send a location',
    'Send',
    degrees('Latitude', 'latitude', '-6.1754', 90),
    degrees('Longitude', 'longitude', '106.8272', 180),
    field('Name', 'name', { required: false, maxlength: '256', autocomplete: 'off' }),
    field('Address', 'address', { required: false, maxlength: '256', autocomplete: 'off' }),
  );
  if (!form) return null;
  const [name, address] = [textOf(form, 'name'), textOf(form, 'address')];
  const [latitude, longitude] = [Number(form.get('latitude')), Number(form.get('longitude'))];
  return { latitude, longitude, ...(name && { name }), ...(address && { address }) };
}

/** Asks for a card of the address book; null when cancelled. */
export async function askForContact(): Promise<Card | null> {
  const form = await ask(
    'Send a contact',
    'Send',
    field('Name', 'name', { maxlength: '64', autocomplete: 'off' }),
    field('Number', 'number', { inputmode: 'tel', pattern: '\\+?[\\d\\s\\-]{6,20}' }),
  );
  if (!form) return null;
  return { name: { formatted_name: textOf(form, 'name') }, phones: [{ phone: textOf(form, 'number') }] };
}

/** Asks for confirmation. */
export async function confirmed(question: string, action: string): Promise<boolean> {
  return (await ask(question, action)) !== null;
}
