import type { Request } from 'express';
import { TEXTS } from '../../actors/domain/error-texts.ts';
import { GatewayError } from '../../actors/domain/errors.ts';
import type { GatewayApi } from '../../actors/domain/gateway-api.ts';
import type { HttpSettings } from '../ports.ts';
import { AddressLimit, clientOf } from './ip-rate-limit.ts';

/** Starts per address while there is no token: more than people need, too few for a flood of browsers. */
const STARTS = { burst: 60, perMinute: 60 };

/** Runs `start`, which starts a client for the agent, when the limits allow it. */
type Admit = <T>(req: Request, agentId: string, start: () => Promise<T>) => Promise<T>;

/** The limits of both kinds of start. */
export interface CreateLimits {
  /** For a new agent: `SESSION_START_FAILED` (503) beyond `MAX_SESSIONS`. A connected agent is not limited. */
  create: Admit;
  /** For a known agent, connected or not: `SESSION_NOT_FOUND`. */
  restart: Admit;
}

/**
 * Limits session starts: each is a Chromium, and `/sessions*` is open by default. `MAX_SESSIONS` limits the number of
 * agents; without a `SESSIONS_TOKEN` an address may start 60 at once, then one a second.
 *
 * Errors of both: `RATE_LIMITED` (429, `Retry-After`).
 */
export function createLimits(
  system: GatewayApi,
  settings: Pick<HttpSettings, 'MAX_SESSIONS' | 'SESSIONS_TOKEN'>,
): CreateLimits {
  const starts = settings.SESSIONS_TOKEN === undefined ? new AddressLimit(STARTS) : null;
  /** New agents that are not in the registry yet. */
  const making = new Set<string>();

  /** Counts a start for the address of the request. */
  function throttle(req: Request): void {
    const seconds = starts?.take(clientOf(req)) ?? 0;
    if (seconds === 0) return;
    throw new GatewayError('RATE_LIMITED', TEXTS.RATE_LIMITED.starts, {
      details: { retryAfterSeconds: seconds },
    });
  }

  /** Reserves a place for a new agent. */
  function reserve(agentId: string): void {
    if (!making.has(agentId) && system.list().length + making.size >= settings.MAX_SESSIONS) {
      throw new GatewayError('SESSION_START_FAILED', TEXTS.SESSION_START_FAILED.maxSessions);
    }
    making.add(agentId);
  }

  return {
    async create(req, agentId, start) {
      const isKnown = system.credentials(agentId) !== undefined;
      if (isKnown && system.describe(agentId).live.isConnected) return start();
      throttle(req);
      if (isKnown) return start();
      reserve(agentId);
      try {
        return await start();
      } finally {
        making.delete(agentId);
      }
    },
    async restart(req, agentId, start) {
      system.describe(agentId);
      throttle(req);
      return start();
    },
  };
}
