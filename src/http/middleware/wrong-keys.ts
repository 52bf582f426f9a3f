import type { Request } from 'express';
import { TEXTS } from '../../actors/domain/error-texts.ts';
import { GatewayError } from '../../actors/domain/errors.ts';
import { AddressLimit, clientOf } from './ip-rate-limit.ts';

/** Wrong keys per address of programs: more than mistakes need, too few for guessing. */
const PROGRAMS = { burst: 100, perMinute: 60 };
/** Wrong tokens per address in the log-in form. */
export const PEOPLE = { burst: 5, perMinute: 5 };

/** The error for a wrong key: the usual one, or 429. */
export type Refusal = (req: Request, usual: GatewayError) => GatewayError;

/**
 * Counts wrong keys per address: returns the usual error, or `RATE_LIMITED` (429, `Retry-After`) after too many. Call it
 * for wrong keys only: the right one is never refused for what others at its address do.
 */
export function wrongKeys(limit = PROGRAMS): Refusal {
  const failures = new AddressLimit(limit);
  return function refusal(req, usual) {
    const seconds = failures.take(clientOf(req));
    if (seconds === 0) return usual;
    return new GatewayError('RATE_LIMITED', TEXTS.RATE_LIMITED.wrongKeys, {
      details: { retryAfterSeconds: seconds },
    });
  };
}
