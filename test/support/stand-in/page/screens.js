import { Emitter } from './emitter.js';
import { call } from './line.js';

/** `WAWebLinkDeviceEvents`. */
export const LinkDeviceEvents = new Emitter();

/** An element with attributes and children. */
function el(name, attributes, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

/** A button that does something asynchronous; what goes wrong is shown beside it. */
function button(text, attributes, act) {
  const node = el('button', { type: 'button', ...attributes }, text);
  const fault = el('p', { role: 'alert' });
  node.addEventListener('click', () => {
    act().catch((error) => fault.replaceChildren(String(error)));
  });
  return el('div', {}, node, fault);
}

const fromBase64Url = (text) => Uint8Array.fromBase64(text, { alphabet: 'base64url' });

/** Asks the browser for the passkey, and gives WhatsApp what it answers. */
async function signIn() {
  const options = await call('passkeyChallenge');
  const publicKey = {
    ...options,
    challenge: fromBase64Url(options.challenge),
    allowCredentials: options.allowCredentials.map(({ type, id }) => ({ type, id: fromBase64Url(id) })),
  };
  const credential = await navigator.credentials.get({ publicKey });
  await call('answerPasskey', { assertion: credential.toJSON() });
}

const screens = {
  passkey: () =>
    el(
      'div',
      { 'data-testid': 'shortcake_passkey_screen' },
      el('h1', {}, 'Continue on WhatsApp Web'),
      button('Continue', { 'data-testid': 'shortcake_passkey_continue_button' }, signIn),
      button('Cancel', { 'data-testid': 'shortcake_cancel_button' }, () => call('cancelPasskey')),
    ),
  notice: () =>
    el(
      'div',
      { role: 'dialog', 'aria-modal': 'true' },
      el('h1', {}, 'What’s new on WhatsApp Web'),
      button('Continue', {}, () => call('answerNotice')),
    ),
};
const shown = new Map();

/** Shows a screen, or takes it away. */
function toggle(name, isShown) {
  shown.get(name)?.remove();
  shown.delete(name);
  if (!isShown) return;
  shown.set(name, screens[name]());
  document.body.append(shown.get(name));
}

/** Linking waits for a passkey, or no longer. */
export function showPasskey(isWaiting) {
  toggle('passkey', isWaiting);
  if (isWaiting) LinkDeviceEvents.trigger('link_device_events:passkey_prologue_request');
}

/** The notice of a fresh link covers the page, or no longer. */
export function showNotice(isShown) {
  toggle('notice', isShown);
}
