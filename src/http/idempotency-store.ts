import type { AgentRef } from '../actors/domain/identity.ts';

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

/** A key that a request holds: its message is stored under `storedId`. */
export interface HeldKey extends IdempotencyKey {
  storedId: string;
}

/**
 * What a store knows of a key when a request begins. A `new` request stores its message under `storedId`. `cut_off`:
 * no living request holds the key, but the first one had stored that message before it was cut off.
 */
export type IdempotencyState =
  | { state: 'new'; storedId: string }
  | { state: 'in_flight' }
  | { state: 'cut_off'; storedId: string }
  | { state: 'mismatch' }
  | { state: 'done'; answer: IdempotentAnswer };

/** Remembers answers for 24 h. */
export interface IdempotencyStore {
  /**
   * Atomic: of two callers with one key exactly one gets `new`, and holds the key until `complete` or `abandon`.
   * @throws GatewayError `DATABASE_UNAVAILABLE`; then the key is not held
   */
  begin(key: IdempotencyKey): Promise<IdempotencyState>;
  /** Keeps the answer. While the database is away this is deferred, and resolves nevertheless. */
  complete(key: HeldKey, answer: IdempotentAnswer): Promise<void>;
  /** Frees a key whose request surely did nothing, so that it may be tried again; deferred like `complete`. */
  abandon(key: HeldKey): Promise<void>;
}
