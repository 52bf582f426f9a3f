import type { Jid } from '../domain/identity.ts';
import type { Me } from '../domain/ports/whatsapp.ts';

const REMEMBERED = 1_000;

/** The newest replies of all agents, by which one recognises that another one, and no person, writes to it. */
export class OwnReplies {
  readonly #keys = new Set<string>();

  /** Notes what an agent's account replies. */
  note({ pn, lid }: Me, text: string): void {
    for (const jid of lid ? [pn, lid] : [pn]) {
      this.#keys.add(keyOf(jid, text));
      if (this.#keys.size > REMEMBERED) this.#keys.delete(this.#keys.values().next().value!);
    }
  }

  /** True when the sender is an agent's account that has replied this text. */
  has(senderId: Jid, text: string): boolean {
    return this.#keys.has(keyOf(senderId, text));
  }
}

/** The one spelling of a reply. */
function keyOf(jid: Jid, text: string): string {
  return `${jid} ${text.slice(0, 300)}`;
}
