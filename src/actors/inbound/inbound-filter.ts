import { withoutDevice } from '../domain/identity.ts';
import type { InboundMessage, Me } from '../domain/ports/whatsapp.ts';

/** What to do with a message that came in, and why. */
export type InboundDecision = { answer: true } | { answer: false; why: string };

/** The digits of a JID without device suffix: `628…:12@c.us` → `628…`. */
function userPart(jid: string): string {
  return (jid.split('@')[0] ?? '').split(':')[0] ?? '';
}

/** What people and phones put between the digits of a number: blanks, dashes, dots, brackets and invisible marks. */
const BETWEEN_DIGITS = '[\\p{Zs}\\p{Pd}\\p{Ps}\\p{Pe}\\p{Cf}.]{0,3}';
/** Where a number of its own begins and ends: not in a word or code, nor in a longer number (`…-77`, `…/77`). */
const BEFORE_NUMBER = '(?<![\\p{N}\\p{Script=Latin}_]|\\p{N}[\\p{Pd}./])';
const AFTER_NUMBER = '(?![\\p{N}\\p{Script=Latin}_]|[\\p{Pd}./]\\p{N})';

/** True when a text holds the number as one of its own, however it is spelled. */
function namesNumber(text: string, digits: string): boolean {
  const spelled = [...digits].join(BETWEEN_DIGITS);
  return new RegExp(`${BEFORE_NUMBER}${spelled}${AFTER_NUMBER}`, 'u').test(text);
}

/** True when the bot is mentioned: its number or LID in `mentionedIds`, or its number in the body. */
function mentionsBot(message: InboundMessage, me: Me): boolean {
  const own = new Set([withoutDevice(me.pn), ...(me.lid ? [withoutDevice(me.lid)] : [])]);
  return (
    message.mentionedIds.some((id) => own.has(withoutDevice(id))) ||
    namesNumber(message.body, userPart(me.pn))
  );
}

/** Meta AI's numbers, and those that WhatsApp itself writes from. */
const SERVICE_NUMBER = /^(1313555\d{4}|131655500\d{2}|16505361212)@/;

/** True for an address that a person may have: a number or a LID, and none of WhatsApp's or Meta AI's own. */
function isPerson(jid: string): boolean {
  return /^[1-9]\d*@(c\.us|lid)$/.test(withoutDevice(jid)) && !SERVICE_NUMBER.test(withoutDevice(jid));
}

/** Which messages the AI gets, and why not the others. Pure. */
export function classifyInbound(message: InboundMessage, me: Me): InboundDecision {
  const ignore = (why: string): InboundDecision => ({ answer: false, why });
  if (message.fromMe) return ignore('own');
  if (
    withoutDevice(message.senderId) === withoutDevice(me.pn) ||
    (me.lid && withoutDevice(message.senderId) === withoutDevice(me.lid))
  )
    return ignore('own');
  if (message.chatId === 'status@broadcast') return ignore('status');
  if (message.chatId.endsWith('@newsletter')) return ignore('channel');
  if (message.chatId.endsWith('@broadcast')) return ignore('broadcast');
  const isGroup = message.chatId.endsWith('@g.us');
  if (!isPerson(message.senderId) || !(isGroup || isPerson(message.chatId))) return ignore('no_person');
  if (isGroup && !mentionsBot(message, me)) return ignore('group_without_mention');
  if (message.type !== 'chat') return ignore('not_text');
  if (message.body.trim() === '') return ignore('empty');
  return { answer: true };
}
