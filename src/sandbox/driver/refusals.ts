import { TEXTS } from '../../actors/domain/error-texts.ts';
import { type ErrorCode, GatewayError } from '../../actors/domain/errors.ts';
import { type RefusalReason, SandboxRefusal } from '../network/types.ts';

/** The outcome of a send or another call that got no answer. */
export type UnansweredOutcome = 'failed' | 'unknown';

const CALL_ERRORS: Partial<Record<RefusalReason, [ErrorCode, string]>> = {
  UNKNOWN_QUOTE: ['NOT_FOUND', TEXTS.NOT_FOUND.quote],
  UNKNOWN_MESSAGE: ['NOT_FOUND', TEXTS.NOT_FOUND.target],
  NOT_OWN_MESSAGE: ['NOT_OWN_MESSAGE', TEXTS.NOT_OWN_MESSAGE.author],
  NOT_EDITABLE: ['INVALID_PAYLOAD', TEXTS.INVALID_PAYLOAD.notEditable],
  TOO_LATE: ['TOO_LATE', TEXTS.TOO_LATE.windows],
};

/** A refusal of the network as an error of the port; anything else as it is. */
export function callError(thrown: unknown, unanswered: UnansweredOutcome): unknown {
  if (!(thrown instanceof SandboxRefusal)) return thrown;
  // The outcome of a call under which the device was closed can't be known.
  const outcome = thrown.reason === 'CLOSED' ? unanswered : 'failed';
  const [code, message] = CALL_ERRORS[thrown.reason] ?? ['BAD_GATEWAY', TEXTS.BAD_GATEWAY.callFailed];
  return new GatewayError(code, message, { cause: thrown, details: { outcome } });
}

/** Rethrows a refusal of a call that is valid only before a device is linked, as an error of the port. */
export function throwLinkingError(thrown: unknown): never {
  const reason = thrown instanceof SandboxRefusal ? thrown.reason : null;
  const cause = thrown;
  if (reason === 'NOT_OPEN')
    throw new GatewayError('SESSION_NOT_READY', TEXTS.SESSION_NOT_READY.wrongStep, { cause });
  if (reason === 'UNKNOWN_CHAT')
    throw new GatewayError('RECIPIENT_NOT_ON_WHATSAPP', TEXTS.RECIPIENT_NOT_ON_WHATSAPP.noAccount, { cause });
  if (reason === 'WRONG_PASSKEY')
    throw new GatewayError('BAD_GATEWAY', TEXTS.BAD_GATEWAY.passkeyRefused, { cause });
  throw thrown;
}

/** Ignores the refusal of a device that has closed meanwhile. */
export function ignoreRefusal(thrown: unknown): void {
  if (!(thrown instanceof SandboxRefusal)) throw thrown;
}
