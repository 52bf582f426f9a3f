import { assign, emit, setup } from 'xstate';
import type { EpochMs, Scheduler } from '../domain/ports/clock.ts';

/** What a burst remembers beside its state. */
export interface BurstContext {
  clock: Scheduler;
  /** How long it waits for the next message, in milliseconds; read at each message. */
  debounceMs(): number;
  /** How long it collects at most, in milliseconds. */
  debounceMaxMs: number;
  /** When it was begun, by the host's clock. */
  startedAt: EpochMs;
  /** When its phase was begun, by the host's clock. */
  since: EpochMs;
  /** When it stops collecting, at the latest while the customer types. */
  until: EpochMs;
}

export type BurstEvent =
  /** It has a further message. */
  | { type: 'message.received' }
  | { type: 'typing.started' }
  | { type: 'typing.stopped' }
  /** It is full, or a person has the chat. */
  | { type: 'burst.closed' }
  /** Its turn in the chat has come. */
  | { type: 'turn.started' }
  /** The AI has answered. */
  | { type: 'answer.received' }
  | { type: 'turn.ended' };

/** WhatsApp shows a customer as typing for no longer than this without a renewal. */
const TYPING_LAPSES_MS = 25_000;

/**
 * Messages of one writer that are asked together. It collects until the writer has been quiet for `debounceMs`, typing
 * counts as not quiet, or until `debounceMaxMs` have passed since the first message. Then it waits for its turn in the
 * chat, the AI is asked, and the answer is written and stored.
 */
export const burstMachine = setup({
  types: {
    input: {} as Pick<BurstContext, 'clock' | 'debounceMs' | 'debounceMaxMs'>,
    context: {} as BurstContext,
    events: {} as BurstEvent,
    emitted: {} as { type: 'collected' },
  },
  delays: {
    debounce: ({ context }) => context.debounceMs(),
    longest: ({ context }) => context.debounceMaxMs,
    typingLapse: TYPING_LAPSES_MS,
  },
  actions: {
    expectMore: assign(({ context: { clock, debounceMs, debounceMaxMs, startedAt } }) => ({
      until: Math.min(clock.now() + debounceMs(), startedAt + debounceMaxMs),
    })),
    expectTyped: assign(({ context: { debounceMaxMs, startedAt } }) => ({
      until: startedAt + debounceMaxMs,
    })),
    beginPhase: assign(({ context: { clock } }) => ({ since: clock.now() })),
    reportCollected: emit({ type: 'collected' }),
  },
}).createMachine({
  id: 'burst',
  context: ({ input }) => {
    const now = input.clock.now();
    return { ...input, startedAt: now, since: now, until: now };
  },
  initial: 'collecting',
  on: { 'turn.ended': '.done' },
  states: {
    collecting: {
      initial: 'quiet',
      after: { longest: 'waiting' },
      on: { 'message.received': '.quiet', 'burst.closed': 'waiting' },
      states: {
        quiet: {
          entry: 'expectMore',
          after: { debounce: '#burst.waiting' },
          on: { 'typing.started': 'typing' },
        },
        typing: {
          entry: 'expectTyped',
          after: { typingLapse: 'quiet' },
          on: { 'typing.started': { target: 'typing', reenter: true }, 'typing.stopped': 'quiet' },
        },
      },
    },
    waiting: {
      entry: ['beginPhase', 'reportCollected'],
      on: { 'turn.started': 'asking' },
    },
    asking: { entry: 'beginPhase', on: { 'answer.received': 'answering' } },
    answering: { entry: 'beginPhase' },
    done: { type: 'final' },
  },
});
