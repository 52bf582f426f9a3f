import type { AiRequest } from '../domain/ports/ai.ts';
import type { InboundMessage } from '../domain/ports/whatsapp.ts';
import { contentTypeOf } from './content-types.ts';

/**
 * The request about messages of a chat, oldest first, in the shape of `/run`: their texts by lines, the metadata of the
 * newest. One who answers texts alone gets nothing more.
 */
export function requestOf(messages: InboundMessage[], answersTextAlone: boolean): AiRequest {
  const newest = messages.at(-1)!;
  const request = {
    message: messages
      .map(({ body }) => body)
      .filter((body) => body !== '')
      .join('\n'),
    sessionId: newest.chatId,
    metadata: {
      whatsapp_name: newest.senderName ?? null,
      chat_name: newest.chatName ?? newest.senderName ?? null,
      sender: newest.senderId,
      message_id: newest.id,
    },
  };
  if (answersTextAlone) return request;
  return { ...request, ...contentOf(messages), ...(messages.length > 1 && { burst: messages.map(partOf) }) };
}

/** What messages have beside words and files: all contacts; of location and quoted message the newest. */
function contentOf(messages: InboundMessage[]): Partial<AiRequest> {
  const { location } = messages.findLast((message) => message.location) ?? {};
  const quoting = messages.findLast((message) => message.quoted);
  const contacts = messages.flatMap((message) => message.contacts ?? []);
  return {
    ...(location && { location }),
    ...(contacts.length > 0 && { contacts }),
    ...(quoting && quotedOf(quoting)),
  };
}

/** A message of a burst by itself; its file is among the attachments. */
function partOf(message: InboundMessage): Record<string, unknown> {
  const { id: messageId, type, body: text, location, contacts } = message;
  return {
    messageId,
    type: contentTypeOf(type),
    text,
    ...(location && { location }),
    ...(contacts && { contacts }),
    ...quotedOf(message),
  };
}

/** What a message quotes, with the type in our terms. */
function quotedOf({ quoted }: InboundMessage): Partial<AiRequest> {
  return quoted ? { quoted: { ...quoted, type: contentTypeOf(quoted.type) } } : {};
}
