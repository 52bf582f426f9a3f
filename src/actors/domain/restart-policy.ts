import { TEXTS } from './error-texts.ts';

/**
 * Which end of a session leads where. The chart is drawn from this table, the supervisor decides by it, and nothing
 * else does.
 *
 * - `restart`: comes back by itself, with growing waits and no end
 * - `restart_linked`: so too, but only when the agent has been linked; else it rests
 * - `rest`: waits for a request; a new QR comes with it
 * - `blocked`: rests in `auth_failed`; the profile is kept
 */
type Verdict = 'restart' | 'restart_linked' | 'rest' | 'blocked';

/** A row of the table: what follows such an end, and under which conditions. */
export interface RestartRule {
  verdict: Verdict;
  /** The client is whole, only its page is not: the page is reloaded once before there is a new client. */
  reload?: true;
  /** So many restarts within so many ms; then it rests. Without it there is no end. */
  atMost?: { times: number; withinMs: number };
  /** When many agents end so at once the cause is common, and a new client for each makes it worse. */
  common?: true;
  /** The credentials are worthless: delete them, or the next start fails the same way. */
  forgetCredentials?: true;
  /** The least wait before the restart, where an instant one makes matters worse. */
  minDelayMs?: number;
}

/** The table. */
export const RESTART_POLICY = {
  // Asked for: the supervisor knows what comes next.
  STOPPED: { verdict: 'rest' },
  RECYCLED: { verdict: 'restart' },
  LOGGED_OUT: { verdict: 'rest', forgetCredentials: true },
  // The phone ended the link.
  LOGOUT: { verdict: 'rest', forgetCredentials: true },
  UNPAIRED: { verdict: 'restart_linked', atMost: { times: 1, withinMs: 3_600_000 } },
  UNPAIRED_IDLE: { verdict: 'restart_linked', atMost: { times: 1, withinMs: 3_600_000 } },
  // Nobody scanned.
  QR_EXPIRED: { verdict: 'rest' },
  QR_STALLED: { verdict: 'restart' },
  // The phone wanted a passkey, and none was given.
  PASSKEY_REQUIRED: { verdict: 'rest' },
  // Somebody else took the session over: fighting back at once, or for ever, makes it flap.
  CONFLICT: { verdict: 'restart', minDelayMs: 60_000, atMost: { times: 3, withinMs: 3_600_000 } },
  // Network and phone.
  TIMEOUT: { verdict: 'restart' },
  OPENING: { verdict: 'restart' },
  OFFLINE: { verdict: 'restart', reload: true },
  PROXYBLOCK: { verdict: 'restart', minDelayMs: 300_000 },
  DEPRECATED_VERSION: { verdict: 'restart', minDelayMs: 60_000, common: true },
  UNLAUNCHED: { verdict: 'restart', common: true },
  // The browser or its page.
  CRASH: { verdict: 'restart' },
  UNRESPONSIVE: { verdict: 'restart' },
  ACTOR_CRASH: { verdict: 'restart' },
  START_FAILED: { verdict: 'restart_linked', common: true },
  START_TIMEOUT: { verdict: 'restart_linked', common: true },
  LINK_TIMEOUT: { verdict: 'restart_linked', reload: true, common: true },
  // WhatsApp's page lacks something that a session needs: it may have moved, or come back with the next build.
  INCOMPATIBLE: { verdict: 'restart', reload: true, common: true },
  // The account.
  AUTH_FAILURE: { verdict: 'blocked' },
  TOS_BLOCK: { verdict: 'blocked' },
  SMB_TOS_BLOCK: { verdict: 'blocked' },
} as const satisfies Record<string, RestartRule>;

/** The reasons that may be followed by a restart. */
export const RESTART_REASONS: readonly string[] = Object.entries(RESTART_POLICY)
  .filter(([, { verdict }]) => verdict.startsWith('restart'))
  .map(([reason]) => reason);

/** The table's row for a reason; a reason that it doesn't know is transient (the library may add some). */
export function restartRule(reason: string): RestartRule {
  return (RESTART_POLICY as Record<string, RestartRule>)[reason] ?? { verdict: 'restart' };
}

/** Why a start came to nothing, in a line for people: the error where one ended it, else the reason's name. */
export function whyDown(reason: string, lastError: string | undefined): string {
  const isExplained = reason === 'START_FAILED' || reason === 'INCOMPATIBLE';
  const error = isExplained ? lastError?.split('\n')[0] : undefined;
  return error ?? TEXTS.SESSION_START_FAILED.reason(reason);
}
