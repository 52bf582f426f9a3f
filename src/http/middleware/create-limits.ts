import type { Request } from 'express';
import { TEXTS } from '../../actors/domain/error-texts.ts';
import { GatewayError } from '../../actors/domain/errors.ts';
import type { GatewayApi } from '../../actors/domain/gateway-api.ts';
import type { HttpSettings } from '../ports.ts';
import { AddressLimit, clientOf } from './ip-rate-limit.ts';

/** Starts per address without a token: more than people need, too few for a flood of browsers. */
const STARTS = { burst: 60, perMinute: 60 };

/** Runs what starts a client for the agent, when it may be. */
type Admit = <T>(req: Request, agentId: string, start: () => Promise<T>) => Promise<T>;

/** The two ways to ask for a start. */
export interface CreateLimits {
  /** `SESSION_START_FAILED` (503) when there are `MAX_SESSIONS` already; one that is connected starts nothing. */
  create: Admit;
  /** Of a known agent, connected or not: always a new client. `SESSION_NOT_FOUND`. */
  restart: Admit;
}

/**
 * Decides who may start sessions: each is a Chromium, and `/sessions*` is open by default. `MAX_SESSIONS` bounds
 * their number; without a `SESSIONS_TOKEN` an address may ask for 60 starts at once, then for one a second.
 *
 * Errors of both: `RATE_LIMITED` (429, `Retry-After`).
 */
export function createLimits(
  system: GatewayApi,
  settings: Pick<HttpSettings, 'MAX_SESSIONS' | 'SESSIONS_TOKEN'>,
): CreateLimits {
  const starts = settings.SESSIONS_TOKEN === undefined ? new AddressLimit(STARTS) : null;
  /** New agents on their way into the registry: they count already. */
  const making = new Set<string>();

  /** Counts a start for the address that asks for it. */
  function throttle(req: Request): void {
    const seconds = starts?.take(clientOf(req)) ?? 0;
    if (seconds === 0) return;
    throw new GatewayError('RATE_LIMITED', TEXTS.RATE_LIMITED.starts, {
      details: { retryAfterSeconds: seconds },
    });
  }

  /** Keeps a place for a new agent. */
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
