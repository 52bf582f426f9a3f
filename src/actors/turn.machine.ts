import { assign, fromCallback, fromPromise, setup } from 'xstate';
import { type GatewayError, toGatewayError } from './errors.ts';
import type { AiRequest, Jid, Scheduler, Timer } from './ports.ts';

/** What a turn may do; the agent provides it. */
export interface TurnPort {
  ask(request: AiRequest, signal: AbortSignal): Promise<string | null>;
  setTyping(chatId: Jid, typing: boolean): void;
  /** Accepts the reply for sending and, when asked to, waits for how it ends. */
  reply(chatId: Jid, text: string): Promise<TurnReply>;
}

interface TurnReply {
  id: string;
  messageId?: string;
  sent: boolean;
}

/** What a turn is made of. */
export interface TurnInput {
  port: TurnPort;
  request: AiRequest;
  clock: Scheduler;
  typingRenewMs: number;
}

/** How a turn ended: a reply, the AI's silence, or what went wrong. */
export type TurnOutput =
  | { kind: 'replied'; text: string; reply: TurnReply }
  | { kind: 'silent' }
  | { kind: 'ai_failed'; error: GatewayError }
  | { kind: 'send_failed'; text: string; error: GatewayError };

interface TurnContext extends TurnInput {
  text: string;
  output: TurnOutput;
}

/** Keeps "typing…" alive, since WhatsApp drops it after about 25 s, and ends it whatever happens (SPEC §6). */
const typing = fromCallback<{ type: 'none' }, TurnInput>(({ input }) => {
  const { port, request, clock, typingRenewMs } = input;
  let renewal: Timer;
  const renew = () => {
    port.setTyping(request.sessionId, true);
    renewal = clock.setTimeout(renew, typingRenewMs);
  };
  renew();
  return () => {
    clock.clearTimeout(renewal);
    port.setTyping(request.sessionId, false);
  };
});

/** Asks the AI; leaving the state aborts the request. */
const ask = fromPromise<string | null, TurnInput>(({ input, signal }) =>
  input.port.ask(input.request, signal),
);

/** Hands the reply to the mailbox. */
const sendReply = fromPromise<TurnReply, TurnContext>(({ input }) =>
  input.port.reply(input.request.sessionId, input.text),
);

/**
 * One turn of a conversation: ask the AI while typing shows, then send what it answered. The AI backend's own
 * deadline ends `thinking`, the mailbox's ends `replying`.
 */
export const turnMachine = setup({
  types: {
    input: {} as TurnInput,
    context: {} as TurnContext,
    output: {} as TurnOutput,
  },
  actors: { ask, typing, sendReply },
  guards: {
    hasReply: (_, params: { text: string | null }) => params.text !== null && params.text !== '',
  },
}).createMachine({
  id: 'turn',
  context: ({ input }) => ({ ...input, text: '', output: { kind: 'silent' } }),
  initial: 'thinking',
  output: ({ context }) => context.output,
  states: {
    thinking: {
      invoke: [
        { src: 'typing', input: ({ context }) => context },
        {
          src: 'ask',
          input: ({ context }) => context,
          onDone: [
            {
              guard: { type: 'hasReply', params: ({ event }) => ({ text: event.output }) },
              target: 'replying',
              actions: assign({ text: ({ event }) => event.output ?? '' }),
            },
            { target: 'done' },
          ],
          onError: {
            target: 'done',
            actions: assign({
              output: ({ event }) => ({
                kind: 'ai_failed',
                error: toGatewayError(event.error, 'AI_DOWNSTREAM_ERROR'),
              }),
            }),
          },
        },
      ],
    },
    replying: {
      invoke: {
        src: 'sendReply',
        input: ({ context }) => context,
        onDone: {
          target: 'done',
          actions: assign({
            output: ({ context, event }) => ({ kind: 'replied', text: context.text, reply: event.output }),
          }),
        },
        onError: {
          target: 'done',
          actions: assign({
            output: ({ context, event }) => ({
              kind: 'send_failed',
              text: context.text,
              error: toGatewayError(event.error),
            }),
          }),
        },
      },
    },
    done: { type: 'final' },
  },
});
