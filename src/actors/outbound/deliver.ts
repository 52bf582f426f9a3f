import { TEXTS } from '../domain/error-texts.ts';
import { GatewayError, toGatewayError } from '../domain/errors.ts';
import type { Jid } from '../domain/identity.ts';
import { isChange, type MessageContent } from '../domain/message-content.ts';
import type { Clock, EpochMs, Scheduler } from '../domain/ports/clock.ts';
import type { MessageError, MessageLog, MessageOutcome, StoredMessage } from '../domain/ports/stores.ts';
import type { Ack, Handover, WhatsAppClient } from '../domain/ports/whatsapp.ts';
import type { AckTracker } from './ack-tracker.ts';
import type { Entry } from './outbound-queue.ts';
import type { WhatsAppClock } from './whatsapp-clock.ts';

/**
 * The result of one attempt to deliver. `indeterminate`: the message may have left. `not_sent`: it has not left, for a
 * reason that lies in the connection and not in the message.
 */
export type DeliveryResult = MessageOutcome | { status: 'indeterminate' | 'not_sent'; error: GatewayError };

/** True for a result that is final. */
export function isOutcome(result: DeliveryResult): result is MessageOutcome {
  return result.status !== 'indeterminate' && result.status !== 'not_sent';
}

/** The form of our ids; WhatsApp's are never UUIDs. */
const OWN_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** What a delivery needs; `acks` is fed by the client's `ack` events. */
export interface DeliveryContext {
  client: WhatsAppClient;
  log: Pick<MessageLog, 'markSending' | 'claimed' | 'find'>;
  acks: AckTracker;
  clock: Scheduler;
  /** The agent's: it outlives sessions. */
  whatsAppClock: WhatsAppClock;
  sendTimeoutMs: number;
  /** Aborted at the end of the session. */
  ended: AbortSignal;
  /** Ids known to be another message's: equal texts must not be confused. */
  claimed: { isClaimed(messageId: string): boolean };
  /** False for a reply whose chat is not the bot's any more. */
  permits(message: StoredMessage): Promise<boolean>;
  /** Called right before a message is handed over. */
  onHandover(message: StoredMessage): void;
}

/** An error as it is stored with a message. Pure. */
export function messageError({ code, message, details }: GatewayError): MessageError {
  const missing = details?.missing;
  return missing ? { code, message, missing } : { code, message };
}

// WhatsApp's codes of a refusal that have a code of ours; other refusals are `BAD_GATEWAY`.
const REFUSALS = new Map<number | undefined, MessageError>([
  [
    463,
    {
      code: 'REACHOUT_TIMELOCKED',
      message: TEXTS.REACHOUT_TIMELOCKED.refused,
    },
  ],
  [
    475,
    {
      code: 'MESSAGE_CAPPED',
      message: TEXTS.MESSAGE_CAPPED.refused,
    },
  ],
]);

/** The outcome that an ack other than 0 means. Pure. */
export function acknowledged({ messageId, ack, errorCode }: Ack, clock: Clock): MessageOutcome {
  if (ack >= 1) return { status: 'sent', messageId, at: new Date(clock.now()), ...(ack > 1 && { ack }) };
  const error = REFUSALS.get(errorCode) ?? { code: 'BAD_GATEWAY', message: TEXTS.BAD_GATEWAY.refused };
  return { status: 'failed', error };
}

/**
 * Waits for the server's acknowledgement of a message that was handed over: only that means "sent". When the session
 * ends first, the next session looks the message up at once.
 */
async function confirm(handover: Handover, context: DeliveryContext): Promise<DeliveryResult> {
  const { messageId } = handover;
  try {
    const answer = handover.ack !== 0 ? handover : await context.acks.wait(messageId, context);
    return acknowledged(answer, context.clock);
  } catch (error) {
    if (context.ended.aborted) return { status: 'indeterminate', error: toGatewayError(error) };
    return { status: 'unknown', messageId, error: messageError(toGatewayError(error)) };
  }
}

/**
 * The content as WhatsApp takes it: a message that it changes is named by WhatsApp's id, where the caller gave ours.
 * @throws GatewayError `NOT_FOUND` when that message is not there, or was not sent
 */
async function contentOf(message: StoredMessage, log: Pick<MessageLog, 'find'>): Promise<MessageContent> {
  const { content } = message;
  if (!isChange(content) || !OWN_ID.test(content.messageId)) return content;
  const target = await log.find(message, content.messageId);
  if (!target?.messageId) throw new GatewayError('NOT_FOUND', TEXTS.NOT_FOUND.message);
  return { ...content, messageId: target.messageId };
}

/** Resolves the recipient; WhatsApp restricts accounts that write to numbers without one. */
async function recipient(client: WhatsAppClient, to: Jid): Promise<Jid> {
  const resolved = await client.resolveRecipient(to);
  if (resolved) return resolved;
  throw new GatewayError('RECIPIENT_NOT_ON_WHATSAPP', TEXTS.RECIPIENT_NOT_ON_WHATSAPP.noAccount);
}

/** Delivers one message: recipient, `sending` in the log, hand-over, acknowledgement. Never rejects. */
export async function deliver(entry: Entry, context: DeliveryContext): Promise<DeliveryResult> {
  context.acks.clear();
  let handedOver = false;
  try {
    const { message } = entry;
    const content = await contentOf(message, context.log);
    const chatId = await recipient(context.client, message.to);
    const handedOverAt = context.whatsAppClock.now();
    if (message.status === 'queued') await context.log.markSending(message.id, { chatId, handedOverAt });
    entry.message = { ...message, status: 'sending', chatId, handedOverAt };
    if (message.origin === 'reply' && !(await context.permits(entry.message)))
      throw new GatewayError('CHAT_HANDED_OVER', TEXTS.CHAT_HANDED_OVER.dropped);
    // A delete may have published its outcome meanwhile; without a delete it waits for the next session.
    if (context.ended.aborted) throw new GatewayError('BAD_GATEWAY', TEXTS.BAD_GATEWAY.endedBeforeSend);
    handedOver = true;
    context.onHandover(entry.message);
    const handover = await context.client.send(chatId, content, {
      quoteId: message.quoteId,
      stanzaId: message.stanzaId ?? undefined,
    });
    context.whatsAppClock.learn(handover.timestamp);
    if (handover.chatId) entry.message.chatId = handover.chatId;
    return await confirm(handover, context);
  } catch (thrown) {
    const error = toGatewayError(thrown, 'BAD_GATEWAY', TEXTS.BAD_GATEWAY.sendFailed);
    const stayed = !handedOver || error.details?.outcome === 'failed';
    // A destroyed client refuses every hand-over: a fault of the session, too.
    const isOfSession = !handedOver || context.ended.aborted;
    if (stayed && isOfSession && CONNECTION_CODES.has(error.code)) return { status: 'not_sent', error };
    const left = !stayed && error.code === 'BAD_GATEWAY';
    return left ? { status: 'indeterminate', error } : { status: 'failed', error: messageError(error) };
  }
}

// Before the hand-over these are faults of the page or the database, not of the message.
const CONNECTION_CODES = new Set(['BAD_GATEWAY', 'DATABASE_UNAVAILABLE']);

// Timestamps are whole seconds, and WhatsApp may assign them a little later.
const CLOCK_SLACK_MS = 5_000;
// How far the host's clock may be ahead of WhatsApp's while the difference is not known.
const HOST_CLOCK_SLACK_MS = 600_000;

/** The earliest timestamp that the message can have at WhatsApp. Pure. */
function earliestTimestamp({ handedOverAt, createdAt }: StoredMessage): EpochMs {
  if (handedOverAt) return handedOverAt.getTime() - CLOCK_SLACK_MS;
  return createdAt.getTime() - HOST_CLOCK_SLACK_MS;
}

/** The chat that the message went to, or would go to: a number may have two spellings. */
async function chatOf({ chatId, to }: StoredMessage, client: WhatsAppClient): Promise<Jid> {
  return chatId ?? (await client.resolveRecipient(to)) ?? to;
}

/**
 * Looks in the chat for a message that may have left, by its id and else by content and time; `null` when it is not
 * there. Rejects when the client can't answer.
 */
export async function lookUp(
  message: StoredMessage,
  context: DeliveryContext,
): Promise<DeliveryResult | null> {
  context.acks.clear();
  const { stanzaId } = message;
  const found = await context.client.findSent({
    to: await chatOf(message, context.client),
    stanzaId: stanzaId ?? undefined,
    content: await contentOf(message, context.log),
    since: earliestTimestamp(message),
  });
  const itself = found.find(({ messageId }) => stanzaId !== null && messageId.includes(`_${stanzaId}`));
  if (itself) return confirm(itself, context);
  const free = found.filter((candidate) => !context.claimed.isClaimed(candidate.messageId));
  if (free.length === 0) return null;
  // An earlier process may have sent the same text just before: its ids are in the log alone.
  const ids = free.map((candidate) => candidate.messageId);
  const others = new Set(await context.log.claimed(message, ids));
  const own = free.find((candidate) => !others.has(candidate.messageId));
  return own ? confirm(own, context) : null;
}
