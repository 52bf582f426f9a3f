import { withoutDevice } from '../domain/identity.ts';
import type { InboundMessage, Me } from '../domain/ports/whatsapp.ts';
import type { InboundType } from '../domain/settings.ts';
import { contentTypeOf } from './content-types.ts';

/** The digits of a JID without device suffix: `628…:12@c.us` → `628…`. */
function userPart(jid: string): string {
  return (jid.split('@')[0] ?? '').split(':')[0] ?? '';
}

/** True for the bot's number or LID, on any device. */
function isBot(jid: string, me: Me): boolean {
  const user = withoutDevice(jid);
  return user === withoutDevice(me.pn) || (me.lid !== undefined && user === withoutDevice(me.lid));
}

/** Separators that people and phones write between digits: blanks, dashes, dots, brackets and invisible marks. */
const BETWEEN_DIGITS = '[\\p{Zs}\\p{Pd}\\p{Ps}\\p{Pe}\\p{Cf}.]{0,3}';
/** Boundaries of a number: not inside a word or code, nor part of a longer number (`…-77`, `…/77`). */
const BEFORE_NUMBER = '(?<![\\p{N}\\p{Script=Latin}_]|\\p{N}[\\p{Pd}./])';
const AFTER_NUMBER = '(?![\\p{N}\\p{Script=Latin}_]|[\\p{Pd}./]\\p{N})';

/** True when a text contains the number as a whole, with any separators. */
function containsNumber(text: string, digits: string): boolean {
  const spelled = [...digits].join(BETWEEN_DIGITS);
  return new RegExp(`${BEFORE_NUMBER}${spelled}${AFTER_NUMBER}`, 'u').test(text);
}

/** True when `mentionedIds` has the bot's number or LID, or the body has its number. */
function mentionsBot(message: InboundMessage, me: Me): boolean {
  const isMentioned = message.mentionedIds.some((id) => isBot(id, me));
  return isMentioned || containsNumber(message.body, userPart(me.pn));
}

/** Numbers of Meta AI and of WhatsApp itself. */
const SERVICE_NUMBER = /^(1313555\d{4}|131655500\d{2}|16505361212)@/;

/** True for a number or a LID that is neither WhatsApp's nor Meta AI's. */
function isPerson(jid: string): boolean {
  return /^[1-9]\d*@(c\.us|lid)$/.test(withoutDevice(jid)) && !SERVICE_NUMBER.test(withoutDevice(jid));
}

/** True when the writer or the chat of a message is on an agent's list, by either address, or is of a kind on it. */
export function isOnList(
  { chatId, senderId, lid, chatLid }: InboundMessage,
  list: readonly string[],
): boolean {
  if (list.length === 0) return false;
  const domain = chatId.slice(chatId.indexOf('@'));
  return [chatId, senderId, lid, chatLid, domain].some(
    (entry) => entry !== undefined && list.includes(entry),
  );
}

/** True for a chat that the bot may answer: of a person other than itself, or a group. */
export function isAnswerable(chatId: string, me: Me): boolean {
  return !isBot(chatId, me) && (chatId.endsWith('@g.us') || isPerson(chatId));
}

/** Why a message is not for the AI, as `why` of the `inbound` event; null when it is. */
export function ignoreReason(message: InboundMessage, me: Me, types: readonly InboundType[]): string | null {
  const { fromMe, senderId, chatId, type, body } = message;
  if (fromMe || isBot(senderId, me)) return 'own';
  if (chatId === 'status@broadcast') return 'status';
  if (chatId.endsWith('@newsletter')) return 'channel';
  if (chatId.endsWith('@broadcast')) return 'broadcast';
  const isGroup = chatId.endsWith('@g.us');
  if (!isPerson(senderId) || !(isGroup || isPerson(chatId))) return 'no_person';
  if (isGroup && !mentionsBot(message, me)) return 'group_without_mention';
  if (!types.includes(contentTypeOf(type) as InboundType)) return type === 'chat' ? 'text' : 'not_text';
  return type === 'chat' && body.trim() === '' ? 'empty' : null;
}
