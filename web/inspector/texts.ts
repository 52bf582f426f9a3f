import type { RESTART_POLICY } from '../../src/actors/domain/restart-policy.ts';
import type { Summary, Turn } from './inspector-api.ts';
import { secondsUntil, serviceNow, span } from './time.ts';

/** The reasons of the restart policy, explained. */
const REASON_TEXTS: Record<keyof typeof RESTART_POLICY, string> = {
  STOPPED: 'It was stopped on request.',
  RECYCLED: 'Its browser was replaced to free memory.',
  LOGGED_OUT: 'It was logged out on request; linking it needs a new QR.',
  LOGOUT: 'The phone removed this device from its linked devices; linking it needs a new QR.',
  UNPAIRED: 'WhatsApp reports that this device is no longer linked.',
  UNPAIRED_IDLE: 'WhatsApp unlinked this device while it was idle.',
  QR_EXPIRED: 'The QR was not scanned in time; request a new one.',
  PASSKEY_REQUIRED: 'The phone requires a passkey, which has to be submitted through the API.',
  QR_STALLED: 'WhatsApp stopped sending new QRs.',
  CONFLICT: 'Another WhatsApp Web took this session over.',
  TIMEOUT: 'WhatsApp did not respond in time.',
  OPENING: 'The connection to WhatsApp was lost and not restored.',
  OFFLINE: 'The connection to WhatsApp was lost.',
  PROXYBLOCK: 'WhatsApp refuses connections from this network.',
  DEPRECATED_VERSION: 'WhatsApp reports that this version of WhatsApp Web is too old.',
  UNLAUNCHED: 'WhatsApp Web did not launch.',
  CRASH: 'Its browser crashed or was killed.',
  UNRESPONSIVE: 'Its page stopped responding.',
  ACTOR_CRASH: 'Its state machine crashed because of a bug and was recreated.',
  START_FAILED: 'The client could not be started.',
  START_TIMEOUT: 'The client took too long to start.',
  LINK_TIMEOUT: 'It was linked, but loading its chats took too long.',
  INCOMPATIBLE: 'The page of WhatsApp Web lacks something that a session needs.',
  AUTH_FAILURE: 'WhatsApp refused the saved login.',
  TOS_BLOCK: 'WhatsApp blocked this account for its terms of service.',
  SMB_TOS_BLOCK: 'WhatsApp blocked this business account for its terms of service.',
};

/** What an agent does in a state, by the last part of its path. */
const STATE_TEXTS: Record<string, string> = {
  queued: 'It waits for its turn to start.',
  starting: 'Its client is starting.',
  scanning: 'It shows a QR and waits for the scan.',
  linking: 'A phone is linked; WhatsApp is loading its chats.',
  passkey: 'A phone has scanned the QR and requires a passkey.',
  incompatible: 'Its page lacks something; it is checked again before the attempt fails.',
  recovering: 'The session was lost; the supervisor decides what follows.',
  reloading: 'Its page is being reloaded.',
  waiting: 'Its client is starting, to be logged out once it is ready.',
  logging_out: 'It is logging out.',
  closing: 'Its client is being closed.',
  idle: 'Nothing is running.',
};

/** A reason, explained; an unknown one as it is. */
export function reasonText(reason: string): string {
  return (REASON_TEXTS as Record<string, string>)[reason] ?? `Reason: ${reason}.`;
}

/** What a connected agent does, by its state and its dispatcher's mode. */
function connectedText({ states, mailbox }: Summary): string {
  if (states.includes('connected.suspect')) return 'It is connected, but the connection may be lost.';
  if (mailbox.mode === 'throttled') return 'It is connected and waits for send tokens.';
  if (mailbox.mode === 'sending') return 'It is connected and sending.';
  return 'It is connected and ready to send.';
}

/** What an agent does and what it waits for. */
export function situationText(agent: Summary): string {
  const { status, states, supervisorStates } = agent;
  if (status === 'connected') return connectedText(agent);
  const now = STATE_TEXTS[states[0]?.split('.').at(-1) ?? ''] ?? 'It has not started yet.';
  if (supervisorStates.includes('alive.backing_off')) return 'It restarts by itself.';
  if (supervisorStates.includes('alive.idle')) return `${now} It waits for POST /sessions or /reconnect.`;
  return now;
}

/** The result of the page's self-check; empty before the first. */
export function pageText({ whatsapp }: Summary): string {
  if (!whatsapp) return '';
  const { webVersion, compatibility, repaired, missing } = whatsapp;
  const found = {
    ok: 'complete',
    repaired: `repaired (${repaired.join(', ')})`,
    broken: `lacks ${missing.join(', ')}`,
  };
  return [webVersion, found[compatibility]].filter(Boolean).join(': ');
}

/** The account's restriction; empty without one. */
export function restrictionText({ restriction }: Summary): string {
  if (!restriction) return '';
  const { kind, until } = restriction;
  const what = {
    reachout_timelock: 'no messages to people who have not written',
    message_cap: 'no new chats',
  };
  return until === undefined ? what[kind] : `${what[kind]}, until ${new Date(until).toLocaleString()}`;
}

/** How many chats the bot does not answer; empty when it answers all. */
export function whoAnswersText({ chats }: Summary): string {
  return joined([
    chats.human > 0 && `${chats.human} with a person`,
    chats.closed > 0 && `${chats.closed} closed`,
  ]);
}

/** The agent's settings in words. */
export function settingsText({ settings }: Summary): string {
  const { inboundTypes, aiMedia, debounceMs, debounceMaxMs, handoverMinutes, ignored, replyDelayMs } =
    settings;
  const hasFiles = inboundTypes.some((type) => !WORDS.includes(type));
  return joined([
    `answers ${inboundTypes.join(', ')}`,
    hasFiles && `files as ${aiMedia}`,
    debounceMs > 0 && `waits ${debounceMs / 1_000} s for more, at most ${debounceMaxMs / 1_000} s`,
    handoverMinutes > 0 && `a person who writes has the chat for ${handoverMinutes} min`,
    ignored > 0 && `${ignored} on the ignore list`,
    replyDelayMs > 0 && `answers wait for up to ${replyDelayMs / 1_000} s`,
  ]);
}

/** Kinds of messages without a file. */
const WORDS = ['text', 'location', 'contacts'];

/** Those parts that there are, on one line. */
function joined(parts: (string | false)[]): string {
  return parts.filter(Boolean).join(' · ');
}

const PHASE_TEXTS: Record<Turn['phase'], string> = {
  collecting: 'waits for more messages',
  waiting: 'waits for its turn',
  asking: 'the AI is asked',
  answering: 'the answer is written',
};

/** What a turn waits for, and for how long: the seconds left to collect, or those since it began to wait. */
export function turnText({ phase, since, until }: Turn): string {
  const seconds =
    until === undefined ? span(serviceNow() - Date.parse(since)) : `${secondsUntil(until)} s left`;
  return `${PHASE_TEXTS[phase]} · ${seconds}`;
}

const STATUS_SIGNS: Record<Summary['status'], string> = {
  connected: '●',
  awaiting_qr: '▦',
  disconnected: '○',
  auth_failed: '✕',
};

/** A status with its sign, so that it doesn't depend on colour alone. */
export function statusText(status: Summary['status']): string {
  return `${STATUS_SIGNS[status]} ${status}`;
}

/** The paths of parallel states as one text. */
export function pathText(paths: readonly string[]): string {
  return paths.join(' ∥ ') || '—';
}
