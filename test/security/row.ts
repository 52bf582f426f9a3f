import type { ErrorCode } from '../../src/actors/domain/errors.ts';
import type { Ask } from '../support/http-harness.ts';

/** One request of an attacker, and how it must be refused. */
export interface Attack {
  name: string;
  path: string;
  ask: Ask;
  code: ErrorCode;
}

/** The key and the agent that the attacked service has, and another agent of another owner. */
export const KEY = 'secret-key';
export const OTHER_KEY = 'key-of-the-neighbour';

/** A text that may appear only on WhatsApp's side. */
export const MARK = 'MARKED-TEXT-OF-A-CUSTOMER';

/** A POST to the agent with its key. */
export function attackOn(operation: string, name: string, json: unknown, code: ErrorCode): Attack {
  return { name, path: `/agents/bot/${operation}`, ask: { method: 'POST', key: KEY, json }, code };
}
