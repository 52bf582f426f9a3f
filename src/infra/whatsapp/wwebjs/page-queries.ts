import { isDeepStrictEqual } from 'node:util';
import type { Page } from 'puppeteer';
import { z } from 'zod';
import { comparedOf, isChange } from '../../../actors/domain/message-content.ts';
import type { EpochMs } from '../../../actors/domain/ports/clock.ts';
import type {
  ChatMessage,
  ChatSummary,
  Contact,
  Handover,
  InboundMessage,
  PageEnd,
  SentQuery,
} from '../../../actors/domain/ports/whatsapp.ts';
import { runInPage } from './page/page-layer.ts';
import { parseMessage } from './parse-message.ts';

const LOOK_BACK = 50;

const ownMessages = z.array(
  z.object({
    messageId: z.string().min(1),
    isExact: z.boolean(),
    chatId: z.string(),
    compared: z.record(z.string(), z.unknown()).nullable(),
    t: z.number(),
    ack: z.number(),
  }),
);
const missedChats = z.array(
  z.union([z.object({ error: z.unknown() }), z.object({ messages: z.array(z.unknown()) })]),
);

const pageEnd = z
  .object({ list: z.string().optional(), at: z.number(), id: z.string() })
  .nullable()
  .transform((end): PageEnd | undefined => end ?? undefined);

/** A page of chats, as the page gives it. */
export const chatPage = z.object({
  chats: z.array(
    z
      .object({
        chatId: z.string(),
        lid: z.string().nullable(),
        isGroup: z.boolean(),
        name: z.string().nullable(),
        unreadCount: z.number(),
        last: z
          .object({ id: z.string(), fromMe: z.boolean(), type: z.string(), body: z.string(), t: z.number() })
          .transform(({ t, ...preview }) => ({ ...preview, timestamp: t * 1000 }))
          .nullable(),
      })
      .transform(
        ({ lid, name, last, ...chat }): ChatSummary => ({
          ...chat,
          lid: lid ?? undefined,
          name: name ?? undefined,
          lastMessage: last ?? undefined,
        }),
      ),
  ),
  next: pageEnd,
});

/** A message of a chat, as the page gives it. */
export const chatMessage = z.unknown().transform((model): ChatMessage => {
  const { ack } = z.object({ ack: z.number().nullable() }).parse(model);
  return { ...parseMessage(model), ack: ack ?? undefined };
});

/** A page of messages, as the page gives it. */
export const messagePage = z.object({ messages: z.array(chatMessage), next: pageEnd });

/** A person, as the page gives it. */
export const contact = z
  .object({ jid: z.string(), lid: z.string().nullable(), name: z.string().nullable() })
  .transform(({ jid, lid, name }): Contact => ({ jid, lid: lid ?? undefined, name: name ?? undefined }));

/** WhatsApp's clock has whole seconds: a message of the same second counts. */
const wholeSecond = (time: EpochMs): number => Math.floor(time / 1000);

/** Own messages of a chat that may be the one that was handed over, newest first. */
export async function findSent(page: Page, query: SentQuery): Promise<Handover[]> {
  const { to, stanzaId, content } = query;
  const since = wholeSecond(query.since);
  if (isChange(content)) return findChange(page, query);
  const found = await runInPage(page, 'ownMessages', ownMessages, { to, stanzaId, since, limit: LOOK_BACK });
  const exact = found.filter(({ isExact }) => isExact);
  const wanted = comparedOf(content);
  const alike = ({ compared, t }: (typeof found)[number]) =>
    t >= since && isDeepStrictEqual(compared, wanted);
  return (exact.length > 0 ? exact : found.filter(alike))
    .map(({ messageId, t, ack, chatId }) => ({ messageId, timestamp: t * 1000, ack, chatId }))
    .reverse();
}

/** The change that was handed over, when WhatsApp has it; changes have no time of their own. */
async function findChange(page: Page, { to: chatId, content, since }: SentQuery): Promise<Handover[]> {
  const messageId = await runInPage(page, 'findChange', z.string().nullable(), content);
  return messageId === null ? [] : [{ messageId, timestamp: since, ack: 1, chatId }];
}

/** Messages of all chats not older than `since`, oldest first; what can't be read is reported and left out. */
export async function fetchMissed(
  page: Page,
  query: { since: EpochMs; perChat: number },
  onFault: (error: unknown) => void,
): Promise<InboundMessage[]> {
  const found: InboundMessage[] = [];
  const wanted = { since: wholeSecond(query.since), perChat: query.perChat };
  for (const chat of await runInPage(page, 'missed', missedChats, wanted)) {
    if ('error' in chat) {
      onFault(new Error(JSON.stringify(chat.error)));
      continue;
    }
    for (const model of chat.messages) {
      try {
        found.push(parseMessage(model));
      } catch (error) {
        onFault(error);
      }
    }
  }
  return found.sort((one, other) => one.timestamp - other.timestamp);
}
