import type { AgentRef } from '../actors/ports.ts';

/** The answer of a finished request, kept to be given again. `headers` holds those that belong to the answer. */
export interface IdempotentAnswer {
  status: number;
  headers: Record<string, string>;
  body: unknown;
}

/** One use of a key: the scope is the operation and the agent, so that keys of two agents never meet. */
export interface IdempotencyKey extends AgentRef {
  /** `messages`, `media` or `run`. */
  operation: string;
  /** The caller's `Idempotency-Key`, at most 255 characters. */
  key: string;
  /** SHA-256 in hex of the canonical body. */
  bodyHash: string;
}

/**
 * What a store knows of a key when a request begins. A `new` request stores its message under `storedId`. `cut_off`:
 * the process died under the first request, but not before it had stored that message.
 */
export type IdempotencyState =
  | { state: 'new'; storedId: string }
  | { state: 'in_flight' }
  | { state: 'cut_off'; storedId: string }
  | { state: 'mismatch' }
  | { state: 'done'; answer: IdempotentAnswer };

/**
 * Remembers answers for 24 h (SPEC §3). `begin` is atomic: of two callers with one key exactly one gets `new`.
 * All methods reject with `DATABASE_UNAVAILABLE` when the database can't be reached.
 */
export interface IdempotencyStore {
  begin(key: IdempotencyKey): Promise<IdempotencyState>;
  complete(key: IdempotencyKey, answer: IdempotentAnswer): Promise<void>;
  /** Forgets a key whose request surely did nothing, so that it may be tried again. */
  abandon(key: IdempotencyKey): Promise<void>;
}
