import type { Request } from 'express';
import { GatewayError } from '../actors/errors.ts';
import type { GatewaySystem } from '../actors/protocol.ts';
import { AddressLimit, clientOf } from './address-limit.ts';
import type { HttpSettings } from './ports.ts';

/** Starts that anybody may ask for: more than people do, fewer than a flood of browsers. */
const STARTS = { burst: 60, perMinute: 60 };

/** Runs a create for the agent, when it may be. */
type Admit = <T>(req: Request, agentId: string, create: () => Promise<T>) => Promise<T>;

/**
 * Decides who may create sessions: each is a Chromium, and `/sessions*` is open by default. `MAX_SESSIONS` bounds
 * their number; without a `SESSIONS_TOKEN` an address may ask for 60 starts at once, then for one a second. To ask
 * for a session that is connected starts nothing and is always admitted.
 *
 * Errors: `RATE_LIMITED` (429, `Retry-After`), `SESSION_START_FAILED` (503) when there are `MAX_SESSIONS` already.
 */
export function createAdmission(
  system: GatewaySystem,
  settings: Pick<HttpSettings, 'MAX_SESSIONS' | 'SESSIONS_TOKEN'>,
): Admit {
  const starts = settings.SESSIONS_TOKEN === undefined ? new AddressLimit(STARTS) : null;
  /** New agents on their way into the registry: they count already. */
  const making = new Set<string>();

  /** Counts a start for the address that asks for it. */
  function throttle(req: Request): void {
    const seconds = starts?.take(clientOf(req)) ?? 0;
    if (seconds === 0) return;
    throw new GatewayError('RATE_LIMITED', 'Too many sessions were started from this address.', {
      details: { retryAfterSeconds: seconds },
    });
  }

  /** Keeps a place for a new agent. */
  function reserve(agentId: string): void {
    if (!making.has(agentId) && system.list().length + making.size >= settings.MAX_SESSIONS) {
      throw new GatewayError('SESSION_START_FAILED', 'There are as many sessions as MAX_SESSIONS allows.');
    }
    making.add(agentId);
  }

  return async function admit(req, agentId, create) {
    const isKnown = system.credentials(agentId) !== undefined;
    if (isKnown && system.describe(agentId).live.isConnected) return create();
    throttle(req);
    if (isKnown) return create();
    reserve(agentId);
    try {
      return await create();
    } finally {
      making.delete(agentId);
    }
  };
}
