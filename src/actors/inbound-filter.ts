import type { InboundMessage, Me } from './ports.ts';

/** What to do with a message that came in, and why. */
export type InboundVerdict = { answer: true } | { answer: false; why: string };

/** The digits of a JID without device suffix: `628…:12@c.us` → `628…`. */
function userPart(jid: string): string {
  return (jid.split('@')[0] ?? '').split(':')[0] ?? '';
}

/** The JID without a device suffix, by which identities are compared. */
function bare(jid: string): string {
  return jid.replace(/:\d+@/, '@');
}

/** True when the bot is mentioned: its number or LID in `mentionedIds`, or its number in the body (PRD §7). */
function mentionsBot(message: InboundMessage, me: Me): boolean {
  const own = new Set([bare(me.pn), ...(me.lid ? [bare(me.lid)] : [])]);
  return message.mentionedIds.some((id) => own.has(bare(id))) || message.body.includes(userPart(me.pn));
}

/** SPEC §6: which messages the AI gets. Pure. */
export function judgeInbound(message: InboundMessage, me: Me): InboundVerdict {
  const ignore = (why: string): InboundVerdict => ({ answer: false, why });
  if (message.fromMe) return ignore('own');
  if (bare(message.senderId) === bare(me.pn) || (me.lid && bare(message.senderId) === bare(me.lid)))
    return ignore('own');
  if (message.chatId === 'status@broadcast') return ignore('status');
  if (message.chatId.endsWith('@newsletter')) return ignore('channel');
  if (message.chatId.endsWith('@broadcast')) return ignore('broadcast');
  if (message.chatId.endsWith('@g.us') && !mentionsBot(message, me)) return ignore('group_without_mention');
  if (message.type !== 'chat') return ignore('not_text');
  if (message.body.trim() === '') return ignore('empty');
  return { answer: true };
}
