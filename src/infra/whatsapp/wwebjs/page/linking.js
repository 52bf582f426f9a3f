import { find, invoke, notify, offer, PageError, use } from './core.js';

// What may stand between a scan and a session: a passkey, a dialog, a QR that ran out, a sync that came early.

const DIALOG_FOR_MS = 600_000;
const loadedAt = Date.now();

/** Bytes as base64url, which WebAuthn's JSON uses. */
function encode(bytes) {
  const view = new Uint8Array(bytes.buffer ?? bytes, bytes.byteOffset ?? 0, bytes.byteLength);
  return btoa(String.fromCharCode(...view))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/=+$/, '');
}

/** Bytes of base64url. */
function decode(text) {
  const letters = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(letters, (letter) => letter.charCodeAt(0)).buffer;
}

/** WebAuthn request options as JSON. */
function optionsJson({ challenge, allowCredentials = [], rpId, userVerification, timeout, hints }) {
  return {
    challenge: encode(challenge),
    rpId,
    userVerification,
    timeout,
    hints,
    allowCredentials: allowCredentials.map(({ id, type, transports }) => ({
      id: encode(id),
      type,
      transports,
    })),
  };
}

/** The credential that `navigator.credentials.get` resolves with, made of an assertion's JSON. */
function credentialOf(json) {
  const { response } = json;
  const fields = {
    clientDataJSON: decode(response.clientDataJSON),
    authenticatorData: decode(response.authenticatorData),
    signature: decode(response.signature),
    userHandle: response.userHandle ? decode(response.userHandle) : null,
  };
  const own = (prototype, values) =>
    Object.defineProperties(
      Object.create(prototype ?? Object.prototype),
      Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { value, enumerable: true }])),
    );
  return own(window.PublicKeyCredential?.prototype, {
    id: json.id,
    rawId: decode(json.rawId ?? json.id),
    type: 'public-key',
    authenticatorAttachment: json.authenticatorAttachment ?? null,
    response: own(window.AuthenticatorAssertionResponse?.prototype, fields),
    getClientExtensionResults: () => json.clientExtensionResults ?? {},
    toJSON: () => json,
  });
}

/** Settles the call of the page that waits for an assertion. */
let asked = null;

/** Answers the page's `navigator.credentials.get` with what the service is given. */
function interceptPasskeys() {
  const { credentials } = navigator;
  if (!credentials) return;
  const original = credentials.get.bind(credentials);
  const intercepted = (options) => {
    if (!options?.publicKey || options.mediation === 'conditional') return original(options);
    return new Promise((resolve, reject) => {
      asked = resolve;
      options.signal?.addEventListener('abort', () => {
        asked = null;
        reject(options.signal.reason);
      });
      notify('passkey', optionsJson(options.publicKey));
    });
  };
  Object.defineProperty(credentials, 'get', { value: intercepted, configurable: true });
}

/** Gives the page the assertion that it waits for. @throws PageError `NO_PASSKEY` */
function answerPasskey(assertion) {
  if (!asked) throw new PageError('NO_PASSKEY', 'the page waits for no passkey');
  asked(credentialOf(assertion));
  asked = null;
}

/** An element that a person would see. */
const isVisible = (element) => element.getClientRects().length > 0;

let continued = null;

/** The screen that asks for a passkey: reported, and led on to the page's question for an assertion. */
function watchPasskeyScreen() {
  const screen = document.querySelector('[data-testid="shortcake_passkey_screen"]');
  if (!screen) return;
  const button = document.querySelector('[data-testid="shortcake_passkey_continue_button"]');
  if (!button || continued === button) return;
  continued = button;
  notify('passkey', null);
  button.click();
}

let watchesLinkEvents = false;

/** The page's own word that a passkey is wanted, before any screen shows it. */
function watchLinkEvents() {
  const events = find('WAWebLinkDeviceEvents.WAWebLinkDeviceEvents') ?? find('WAWebLinkDeviceEvents');
  if (watchesLinkEvents || typeof events?.on !== 'function') return;
  watchesLinkEvents = true;
  events.on('link_device_events:passkey_prologue_request', () => notify('passkey', null));
}

/** The dialog after a fresh link, which ends the link when it is not answered: presses its visible button. */
function answerDialog() {
  if (Date.now() - loadedAt > DIALOG_FOR_MS) return;
  for (const dialog of document.querySelectorAll('[role="dialog"]')) {
    if (!isVisible(dialog) || !/what.s new/i.test(dialog.textContent)) continue;
    const buttons = [...dialog.querySelectorAll('button, [role="button"]')];
    const button = buttons.find((one) => isVisible(one) && one.textContent.trim() === 'Continue');
    if (!button) continue;
    button.click();
    notify('dialog', null);
  }
}

let refreshedAt = 0;

/** The references of a QR are used up: the page shows none until it is asked to. */
function refreshQr(state) {
  if (state !== 'UNPAIRED_IDLE' || Date.now() - refreshedAt < 10_000) return;
  refreshedAt = Date.now();
  if (find('WAWebLaunchSocketUtils.refreshQR')) invoke('WAWebLaunchSocketUtils.refreshQR');
  else if (find('WAWebCmd.Cmd.refreshQR')) invoke('WAWebCmd.Cmd.refreshQR');
}

const SYNC_PATIENCE_MS = 3_000;
let syncedSince = null;

/** The library waits for the moment of the sync and misses one that came before it listened. */
function announceSync({ hasSynced, state }) {
  if (!hasSynced || state !== 'CONNECTED' || window.WWebJS) return;
  syncedSince ??= Date.now();
  if (Date.now() - syncedSince < SYNC_PATIENCE_MS || !window.onAppStateHasSyncedEvent) return;
  syncedSince = Number.POSITIVE_INFINITY;
  window.onAppStateHasSyncedEvent();
}

/** Looks at everything that stands in the way of a session. */
export function watchLinking() {
  watchLinkEvents();
  watchPasskeyScreen();
  answerDialog();
  const socket = find('WAWebSocketModel.Socket');
  if (!socket) return;
  refreshQr(socket.state);
  announceSync(socket);
}

/** A code to link with by typing it into the phone. @throws PageError `NOT_LINKING` */
async function pairingCode(phoneNumber) {
  const { state } = use('WAWebSocketModel.Socket');
  if (!state?.startsWith('UNPAIRED')) throw new PageError('NOT_LINKING', `the socket is ${state}`);
  invoke('WAWebAltDeviceLinkingApi.setPairingType', 'ALT_DEVICE_LINKING');
  await invoke('WAWebAltDeviceLinkingApi.initializeAltDeviceLinking');
  return invoke('WAWebAltDeviceLinkingApi.startAltLinkingFlow', phoneNumber, true);
}

/** Who is linked, by LID; null when the page does not say. */
function ownLid() {
  const lid = invoke('WAWebUserPrefsMeUser.getMaybeMeLidUser');
  return lid ? lid._serialized : null;
}

/** Unlinks this device at WhatsApp. */
async function logOut() {
  await use('WAWebSocketModel.Socket').logout();
}

interceptPasskeys();
offer('pairingCode', pairingCode);
offer('answerPasskey', answerPasskey);
offer('ownLid', ownLid);
offer('logOut', logOut);
