import type { Jid } from '../domain/identity.ts';

const REMEMBERED = 1_000;

/**
 * The part that all ids of one message share. `false_<chat>_<stanza>[_<participant>]` names chat and participant either
 * by number or by LID, so a message is identified by its stanza id, in a group by group and stanza id.
 */
export function messageKey(id: string): string {
  const [, chatId, stanzaId] = id.split('_') as [string, Jid?, string?];
  if (!chatId || !stanzaId) return id;
  return chatId.endsWith('@g.us') ? `${chatId}_${stanzaId}` : stanzaId;
}

/** Edits and revocations by message key, newest last; they may arrive before the message does. */
export class MessageChanges {
  /** The new text; null for a revoked message. */
  readonly #bodies = new Map<string, string | null>();

  /** Keeps the new text of a message, unless it was revoked. */
  edit(key: string, body: string): void {
    if (!this.isRevoked(key)) this.#set(key, body);
  }

  revoke(key: string): void {
    this.#set(key, null);
  }

  isRevoked(key: string): boolean {
    return this.#bodies.get(key) === null;
  }

  /** The current text of a message that arrived with `body`. */
  bodyOf(key: string, body: string): string {
    return this.#bodies.get(key) ?? body;
  }

  #set(key: string, body: string | null): void {
    this.#bodies.delete(key);
    this.#bodies.set(key, body);
    if (this.#bodies.size > REMEMBERED) this.#bodies.delete(this.#bodies.keys().next().value!);
  }
}
