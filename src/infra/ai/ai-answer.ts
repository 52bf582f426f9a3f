import { z } from 'zod';
import { TEXTS } from '../../actors/domain/error-texts.ts';
import { GatewayError } from '../../actors/domain/errors.ts';
import { KINDS } from '../../actors/domain/message-content.ts';
import { type AiAnswer, MAX_ANSWER_MESSAGES } from '../../actors/domain/ports/ai.ts';
import { contentOf, contentSchemas, quoteId, type ToJid } from '../content-schemas.ts';
import { faultsOf, zodErrorMap } from '../zod-error-map.ts';

/** Turns the value of an AI's answer into what is to be sent. @throws GatewayError `AI_DOWNSTREAM_ERROR` */
export type ReadAnswer = (value: unknown) => AiAnswer;

/**
 * A reader of answers: `reply`, `messages` and `handoff`, each of which may be missing; further fields are ignored. Some
 * workflow tools answer with a list of one. One message that is not valid makes the whole answer invalid: nothing of it
 * is sent.
 */
export function answerReader(toJid: ToJid): ReadAnswer {
  const to = z.undefined('must not be set: an answer goes to its chat').optional();
  // Long texts are split.
  const message = z
    .discriminatedUnion('type', contentSchemas(toJid, { envelope: { to, quoteId }, body: z.string().min(1) }))
    .transform((given) => ({ content: contentOf(given), quoteId: given.quoteId }));
  const schema = z.object({
    reply: z.string().nullish(),
    messages: z.array(message).nullish(),
    handoff: z.boolean().nullish(),
  });
  return (value) => {
    const only = Array.isArray(value) && value.length === 1 ? value[0] : value;
    const parsed = schema.safeParse(withoutForeign(only), { error: zodErrorMap });
    if (!parsed.success) throw invalid(parsed.error);
    const { reply, messages, handoff } = parsed.data;
    const all = messages ?? [];
    return {
      reply: reply?.trim() ? reply : null,
      messages: all.slice(0, MAX_ANSWER_MESSAGES),
      dropped: Math.max(0, all.length - MAX_ANSWER_MESSAGES),
      handoff: handoff ?? false,
    };
  };
}

/** True for something that is meant as a message of ours. */
function isMessage(value: unknown): boolean {
  const { type } = (value ?? {}) as { type?: unknown };
  return typeof type === 'string' && Object.hasOwn(KINDS, type);
}

/** An answer without what another system means by `messages`: beside a reply, that is an unknown field. */
function withoutForeign(answer: unknown): unknown {
  const { messages, ...rest } = (answer ?? {}) as Record<string, unknown>;
  if (typeof rest.reply !== 'string' || rest.reply.trim() === '') return answer;
  return Array.isArray(messages) && messages.some(isMessage) ? answer : rest;
}

/** The first fault of an answer, by its path. */
function invalid(error: z.ZodError): GatewayError {
  const [fault] = faultsOf(error);
  if (!fault || fault.path === '' || fault.path === 'reply')
    return new GatewayError('AI_DOWNSTREAM_ERROR', TEXTS.AI_DOWNSTREAM_ERROR.noReply);
  const { path, message } = fault;
  const details = { path };
  return new GatewayError('AI_DOWNSTREAM_ERROR', TEXTS.AI_DOWNSTREAM_ERROR.invalid(path, message), {
    details,
  });
}
