import { TEXTS } from './error-texts.ts';

/**
 * What follows the end of a session, by its reason. The supervisor decides by this table alone, and the chart is drawn
 * from it.
 *
 * - `restart`: restarted automatically, with growing waits, without limit
 * - `restart_linked`: the same if the agent has been linked, else `idle`
 * - `idle`: waits for a request, which shows a new QR
 * - `blocked`: waits for a request in `auth_failed`; the profile is kept
 */
type Decision = 'restart' | 'restart_linked' | 'idle' | 'blocked';

/** A row of the table. */
export interface RestartRule {
  decision: Decision;
  /** The client still runs: its page is reloaded once before the client is replaced. */
  reload?: true;
  /** At most so many restarts within so many ms, then `idle`; without it there is no limit. */
  atMost?: { times: number; withinMs: number };
  /** When many agents end for this reason, the cause is common and restarting all of them makes it worse. */
  common?: true;
  /** The credentials are worthless: delete them, or the next start fails the same way. */
  forgetCredentials?: true;
  /** The minimum wait, where an immediate restart makes matters worse. */
  minDelayMs?: number;
}

/** The table. */
export const RESTART_POLICY = {
  // Requested: the supervisor decides what follows.
  STOPPED: { decision: 'idle' },
  RECYCLED: { decision: 'restart' },
  LOGGED_OUT: { decision: 'idle', forgetCredentials: true },
  // The phone ended the link.
  LOGOUT: { decision: 'idle', forgetCredentials: true },
  UNPAIRED: { decision: 'restart_linked', atMost: { times: 1, withinMs: 3_600_000 } },
  UNPAIRED_IDLE: { decision: 'restart_linked', atMost: { times: 1, withinMs: 3_600_000 } },
  // Not scanned in time.
  QR_EXPIRED: { decision: 'idle' },
  QR_STALLED: { decision: 'restart' },
  // The phone wanted a passkey, and none was given.
  PASSKEY_REQUIRED: { decision: 'idle' },
  // Another WhatsApp Web took the session over: taking it back at once, or without limit, makes it flap.
  CONFLICT: { decision: 'restart', minDelayMs: 60_000, atMost: { times: 3, withinMs: 3_600_000 } },
  // Network and phone.
  TIMEOUT: { decision: 'restart' },
  OPENING: { decision: 'restart' },
  OFFLINE: { decision: 'restart', reload: true },
  PROXYBLOCK: { decision: 'restart', minDelayMs: 300_000 },
  DEPRECATED_VERSION: { decision: 'restart', minDelayMs: 60_000, common: true },
  UNLAUNCHED: { decision: 'restart', common: true },
  // The browser or its page.
  CRASH: { decision: 'restart' },
  UNRESPONSIVE: { decision: 'restart' },
  ACTOR_CRASH: { decision: 'restart' },
  START_FAILED: { decision: 'restart_linked', common: true },
  START_TIMEOUT: { decision: 'restart_linked', common: true },
  LINK_TIMEOUT: { decision: 'restart_linked', reload: true, common: true },
  // WhatsApp's page lacks something that a session needs: the next build may have it again.
  INCOMPATIBLE: { decision: 'restart', reload: true, common: true },
  // The account.
  AUTH_FAILURE: { decision: 'blocked' },
  TOS_BLOCK: { decision: 'blocked' },
  SMB_TOS_BLOCK: { decision: 'blocked' },
} as const satisfies Record<string, RestartRule>;

/** The reasons that may be followed by a restart. */
export const RESTART_REASONS: readonly string[] = Object.entries(RESTART_POLICY)
  .filter(([, { decision }]) => decision.startsWith('restart'))
  .map(([reason]) => reason);

/** The rule of a reason; an unknown one counts as transient, since the library may add some. */
export function restartRule(reason: string): RestartRule {
  return (RESTART_POLICY as Record<string, RestartRule>)[reason] ?? { decision: 'restart' };
}

/** Why a start failed, in a line for people: the error if one ended it, else the reason's name. */
export function whyDown(reason: string, lastError: string | undefined): string {
  const isExplained = reason === 'START_FAILED' || reason === 'INCOMPATIBLE';
  const error = isExplained ? lastError?.split('\n')[0] : undefined;
  return error ?? TEXTS.SESSION_START_FAILED.reason(reason);
}
