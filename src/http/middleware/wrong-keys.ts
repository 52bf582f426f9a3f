import type { Request } from 'express';
import { TEXTS } from '../../actors/domain/error-texts.ts';
import { GatewayError } from '../../actors/domain/errors.ts';
import { AddressLimit, clientOf } from './ip-rate-limit.ts';

/** Wrong keys of programs that an address may present: more than any honest mistake, too few to guess with. */
const OF_PROGRAMS = { burst: 100, perMinute: 60 };
/** Wrong tokens that people type into the log-in form. */
export const OF_PEOPLE = { burst: 5, perMinute: 5 };

/** What a wrong key is answered with: the usual refusal, or another in its place. */
export type Refusal = (req: Request, usual: GatewayError) => GatewayError;

/**
 * Counts the wrong keys of each address: the usual answer, or 429 `RATE_LIMITED` (`Retry-After`) once there were too
 * many. Ask it about wrong keys only: the right one is never refused for what others at its address do.
 */
export function wrongKeys(limit = OF_PROGRAMS): Refusal {
  const failures = new AddressLimit(limit);
  return function refusal(req, usual) {
    const seconds = failures.take(clientOf(req));
    if (seconds === 0) return usual;
    return new GatewayError('RATE_LIMITED', TEXTS.RATE_LIMITED.wrongKeys, {
      details: { retryAfterSeconds: seconds },
    });
  };
}
