import type { Request } from 'express';
import { GatewayError } from '../actors/errors.ts';
import { AddressLimit, clientOf } from './address-limit.ts';

/** Wrong keys that an address may present: more than any honest mistake, too few to guess with. */
const FAILURES = { burst: 100, perMinute: 60 };

/** What a wrong key is answered with: the usual refusal, or another in its place. */
type Refusal = (req: Request, usual: GatewayError) => GatewayError;

/**
 * Counts the wrong keys of each address: the usual answer, or 429 `RATE_LIMITED` (`Retry-After`) once there were too
 * many. Ask it about wrong keys only: the right one is never refused for what others at its address do.
 */
export function wrongKeys(): Refusal {
  const failures = new AddressLimit(FAILURES);
  return function refusal(req, usual) {
    const seconds = failures.take(clientOf(req));
    if (seconds === 0) return usual;
    return new GatewayError('RATE_LIMITED', 'Too many wrong keys came from this address.', {
      details: { retryAfterSeconds: seconds },
    });
  };
}
