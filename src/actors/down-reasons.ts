/**
 * Which end of a session leads where (SPEC §5, FAULTS §1.3). The chart is drawn from this table, the
 * supervisor decides by it, and nothing else does.
 *
 * - `restart`: comes back by itself, with growing waits and no end
 * - `restart_linked`: so too, but only when the agent has been linked; else it rests
 * - `rest`: waits for a request; a new QR comes with it
 * - `blocked`: rests in `auth_failed`; the profile is kept
 */
type Verdict = 'restart' | 'restart_linked' | 'rest' | 'blocked';

export interface DownRule {
  verdict: Verdict;
  /** The credentials are worthless: delete them, or the next start fails the same way. */
  forgetCredentials?: true;
  /** The least wait before the restart, where an instant one makes matters worse. */
  minDelayMs?: number;
}

const DOWN_REASONS = {
  // Asked for: the supervisor knows what comes next.
  STOPPED: { verdict: 'rest' },
  LOGGED_OUT: { verdict: 'rest', forgetCredentials: true },
  // The phone ended the link.
  LOGOUT: { verdict: 'rest', forgetCredentials: true },
  UNPAIRED: { verdict: 'restart_linked' },
  UNPAIRED_IDLE: { verdict: 'restart_linked' },
  // Nobody scanned.
  QR_EXPIRED: { verdict: 'rest' },
  QR_STALLED: { verdict: 'restart' },
  // Somebody else took the session over: fighting back at once makes it flap.
  CONFLICT: { verdict: 'restart', minDelayMs: 60_000 },
  // Network and phone.
  TIMEOUT: { verdict: 'restart' },
  OPENING: { verdict: 'restart' },
  OFFLINE: { verdict: 'restart' },
  PROXYBLOCK: { verdict: 'restart', minDelayMs: 300_000 },
  DEPRECATED_VERSION: { verdict: 'restart', minDelayMs: 60_000 },
  UNLAUNCHED: { verdict: 'restart' },
  // The browser or its page.
  CRASH: { verdict: 'restart' },
  UNRESPONSIVE: { verdict: 'restart' },
  ACTOR_CRASH: { verdict: 'restart' },
  START_FAILED: { verdict: 'restart_linked' },
  START_TIMEOUT: { verdict: 'restart_linked' },
  LINK_TIMEOUT: { verdict: 'restart_linked' },
  // The account.
  AUTH_FAILURE: { verdict: 'blocked' },
  TOS_BLOCK: { verdict: 'blocked' },
  SMB_TOS_BLOCK: { verdict: 'blocked' },
} as const satisfies Record<string, DownRule>;

/** The table's row for a reason; a reason that it doesn't know is transient (the library may add some). */
export function downRule(reason: string): DownRule {
  return (DOWN_REASONS as Record<string, DownRule>)[reason] ?? { verdict: 'restart' };
}
