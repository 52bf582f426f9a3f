import type { Jid } from '../domain/identity.ts';

/**
 * What all ids of one message have in common: `false_<chat>_<stanza>[_<participant>]` names chat and participant now by
 * number and now by LID, so a message is known by its stanza id, and one in a group by its group as well.
 */
export function messageKey(id: string): string {
  const [, chatId, stanzaId] = id.split('_') as [string, Jid?, string?];
  if (!chatId || !stanzaId) return id;
  return chatId.endsWith('@g.us') ? `${chatId}_${stanzaId}` : stanzaId;
}
