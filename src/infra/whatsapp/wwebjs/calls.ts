import { TEXTS } from '../../../actors/domain/error-texts.ts';
import { GatewayError } from '../../../actors/domain/errors.ts';
import { withTimeout } from '../../../actors/domain/timeout.ts';
import { HOST_CLOCK } from '../../host-clock.ts';

/** Adds a deadline to a call into the library: a frozen page holds it for minutes (hazard 8). */
export function within<T>(what: string, ms: number, call: Promise<T>): Promise<T> {
  return withTimeout(
    HOST_CLOCK,
    call,
    ms,
    () => new GatewayError('BAD_GATEWAY', TEXTS.BAD_GATEWAY.overDeadline(what, ms)),
  );
}

/**
 * A call that sends no message: its outcome is never unknown.
 * @throws GatewayError `BAD_GATEWAY`
 */
export async function query<T>(what: string, ms: number, call: Promise<T>): Promise<T> {
  try {
    return await within(what, ms, call);
  } catch (cause) {
    const details = { outcome: 'failed' } as const;
    throw new GatewayError('BAD_GATEWAY', TEXTS.BAD_GATEWAY.queryFailed(what), { cause, details });
  }
}

/** The text of anything thrown: the library throws strings too (hazard 20). */
export function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
