import type { Page } from 'puppeteer';
import { z } from 'zod';
import type { EpochMs, Handover, InboundMessage, Jid } from '../../../actors/ports.ts';
import { ownMessagesScript, unreadScript } from './page-scripts.ts';
import { bodyOf, messageModel, parseMessage } from './parse-message.ts';

const LOOK_BACK = 50;

const own = z.array(messageModel.extend({ ack: z.number().nullish() }));
const unread = z.array(
  z.union([z.object({ error: z.string() }), z.object({ name: z.string(), messages: z.array(z.unknown()) })]),
);

/** WhatsApp's clock has whole seconds: a message of the same second counts. */
const wholeSecond = (time: EpochMs): EpochMs => Math.floor(time / 1000) * 1000;

/** Own messages of a chat with this text, newest first: was a doubtful send handed over? */
export async function findSent(
  page: Page,
  query: { to: Jid; kind: 'text' | 'image'; text: string; since: EpochMs },
): Promise<Handover[]> {
  const models = own.parse(await page.evaluate(ownMessagesScript(query.to, LOOK_BACK)));
  const type = query.kind === 'text' ? 'chat' : 'image';
  return models
    .filter((model) => model.type === type && bodyOf(model) === query.text)
    .map((model) => ({ messageId: model.id._serialized, timestamp: model.t * 1000, ack: model.ack ?? 0 }))
    .filter(({ timestamp }) => timestamp >= wholeSecond(query.since))
    .reverse();
}

/** Unread messages of all chats not older than `since`, oldest first; what doesn't fit is told and left out. */
export async function fetchUnread(
  page: Page,
  query: { since: EpochMs; perChat: number },
  onFault: (error: unknown) => void,
): Promise<InboundMessage[]> {
  const found: InboundMessage[] = [];
  for (const chat of unread.parse(await page.evaluate(unreadScript(query.perChat)))) {
    if ('error' in chat) {
      onFault(new Error(chat.error));
      continue;
    }
    for (const model of chat.messages) {
      try {
        found.push(parseMessage(model, chat.name || undefined));
      } catch (error) {
        onFault(error);
      }
    }
  }
  return found
    .filter(({ timestamp }) => timestamp >= wholeSecond(query.since))
    .sort((one, other) => one.timestamp - other.timestamp);
}
