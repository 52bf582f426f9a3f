import type { RESTART_POLICY } from '../../src/actors/domain/restart-policy.ts';
import type { Summary } from './api.ts';

/** Each reason of the service's table, told to somebody who doesn't know the code. */
const REASON_WORDS: Record<keyof typeof RESTART_POLICY, string> = {
  STOPPED: 'It was stopped on request.',
  RECYCLED: 'Its browser was renewed, as it is now and then.',
  LOGGED_OUT: 'It was logged out on request; linking it needs a new QR.',
  LOGOUT: 'The phone removed this device from its linked devices; linking it needs a new QR.',
  UNPAIRED: 'WhatsApp says that this device is not linked any more.',
  UNPAIRED_IDLE: 'WhatsApp unlinked this device while it was idle.',
  QR_EXPIRED: 'Nobody scanned the QR in time; ask for a new one.',
  PASSKEY_REQUIRED: 'The phone asks for a passkey, which has to be given through the API.',
  QR_STALLED: 'WhatsApp stopped giving new QRs.',
  CONFLICT: 'Another WhatsApp Web took this session over.',
  TIMEOUT: 'WhatsApp did not answer in time.',
  OPENING: 'The connection to WhatsApp was lost and did not come back.',
  OFFLINE: 'The connection to WhatsApp was lost.',
  PROXYBLOCK: 'WhatsApp refuses connections from this network.',
  DEPRECATED_VERSION: 'WhatsApp says that this version of WhatsApp Web is too old.',
  UNLAUNCHED: 'WhatsApp Web did not launch.',
  CRASH: 'Its browser crashed or was killed.',
  UNRESPONSIVE: 'Its page stopped answering.',
  ACTOR_CRASH: 'Its state machine died of a bug and was made anew.',
  START_FAILED: 'The client could not be started.',
  START_TIMEOUT: 'The client took too long to start.',
  LINK_TIMEOUT: 'It was linked, but loading its chats took too long.',
  INCOMPATIBLE: 'The page of WhatsApp Web lacks something that a session needs.',
  AUTH_FAILURE: 'WhatsApp refused the saved login.',
  TOS_BLOCK: 'WhatsApp blocked this account for its terms of service.',
  SMB_TOS_BLOCK: 'WhatsApp blocked this business account for its terms of service.',
};

/** What goes on in a state, by the last part of its path. */
const STATE_WORDS: Record<string, string> = {
  queued: 'It waits for its turn to start.',
  starting: 'Its client is starting.',
  scanning: 'It shows a QR and waits for a phone to scan it.',
  linking: 'A phone is linked; WhatsApp is loading its chats.',
  passkey: 'A phone has scanned the QR and asks for a passkey.',
  incompatible: 'Its page lacks something; it is checked again before it is given up.',
  faltering: 'The session stumbled; the supervisor decides what to do.',
  reloading: 'Its page is being loaded anew.',
  waiting: 'Its client is starting, and is logged out as soon as it is ready.',
  logging_out: 'It is logging out.',
  closing: 'Its client is being closed.',
  resting: 'Nothing is running.',
};

/** A reason in plain words; one that the table doesn't have, as it is. */
export function reasonWords(reason: string): string {
  return (REASON_WORDS as Record<string, string>)[reason] ?? `The reason given is ${reason}.`;
}

/** What goes on in a connected agent, by its two regions. */
function connectedWords(states: string[]): string {
  if (states.includes('connected.link.suspect')) return 'It is connected, but the connection is in doubt.';
  if (states.includes('connected.mailbox.throttled')) return 'It is connected and waits for send tokens.';
  if (states.includes('connected.mailbox.sending')) return 'It is connected and sending.';
  return 'It is connected and ready to send.';
}

/** What an agent does now and what it waits for, in a sentence or two. */
export function situation({ status, states, supervisorStates }: Summary): string {
  if (status === 'connected') return connectedWords(states);
  const now = STATE_WORDS[states[0]?.split('.').at(-1) ?? ''] ?? 'It has not begun yet.';
  if (supervisorStates.includes('alive.backing_off')) return 'It will start again by itself.';
  if (supervisorStates.includes('alive.resting')) return `${now} It waits for POST /sessions or /reconnect.`;
  return now;
}

/** What the self-check of an agent's page found, in a line; empty before the first. */
export function pageWords({ whatsapp }: Summary): string {
  if (!whatsapp) return '';
  const { webVersion, compatibility, repaired, missing } = whatsapp;
  const found = {
    ok: 'whole',
    repaired: `repaired (${repaired.join(', ')})`,
    broken: `lacks ${missing.join(', ')}`,
  };
  return [webVersion, found[compatibility]].filter(Boolean).join(': ');
}

/** What WhatsApp does not let the account do; empty when there is nothing. */
export function restrictionWords({ restriction }: Summary): string {
  if (!restriction) return '';
  const { kind, until } = restriction;
  const what = {
    reachout_timelock: 'no first messages to people who never wrote',
    message_cap: 'no new chats',
  };
  return until === undefined ? what[kind] : `${what[kind]}, until ${new Date(until).toLocaleString()}`;
}

const STATUS_SIGNS: Record<Summary['status'], string> = {
  connected: '●',
  awaiting_qr: '▦',
  disconnected: '○',
  auth_failed: '✕',
};

/** A status with a sign of its own: never told by colour alone. */
export function statusText(status: Summary['status']): string {
  return `${STATUS_SIGNS[status]} ${status}`;
}

/** Paths of states as one text. */
export function pathText(paths: readonly string[]): string {
  return paths.join(' ∥ ') || '—';
}
