import type { Jid } from '../domain/identity.ts';

const REMEMBERED = 1_000;

/**
 * What all ids of one message have in common: `false_<chat>_<stanza>[_<participant>]` names chat and participant now by
 * number and now by LID, so a message is known by its stanza id, and one in a group by its group as well.
 */
export function messageKey(id: string): string {
  const [, chatId, stanzaId] = id.split('_') as [string, Jid?, string?];
  if (!chatId || !stanzaId) return id;
  return chatId.endsWith('@g.us') ? `${chatId}_${stanzaId}` : stanzaId;
}

/** Edits and revocations of messages that came in, newest last: they may come before the message's turn, or before it. */
export class MessageChanges {
  readonly #bodies = new Map<string, string | null>();

  /** Notes the text that a message has now. One that was revoked stays so. */
  edit(key: string, body: string): void {
    if (!this.isRevoked(key)) this.#set(key, body);
  }

  revoke(key: string): void {
    this.#set(key, null);
  }

  isRevoked(key: string): boolean {
    return this.#bodies.get(key) === null;
  }

  /** The text that a message has now, given the one it came with. */
  bodyOf(key: string, body: string): string {
    return this.#bodies.get(key) ?? body;
  }

  #set(key: string, body: string | null): void {
    this.#bodies.delete(key);
    this.#bodies.set(key, body);
    if (this.#bodies.size > REMEMBERED) this.#bodies.delete(this.#bodies.keys().next().value!);
  }
}
