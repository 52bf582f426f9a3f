const REMEMBERED = 10_000;

/**
 * The newest stanza ids that this process has chosen or resumed, of all agents: each is known before its message can
 * have left, so that WhatsApp's report of it is not taken for a person's message. Older ones are in the message log.
 */
export class OwnStanzas {
  readonly #ids = new Set<string>();

  add(stanzaId: string): void {
    this.#ids.add(stanzaId);
    if (this.#ids.size > REMEMBERED) this.#ids.delete(this.#ids.values().next().value!);
  }

  has(stanzaId: string): boolean {
    return this.#ids.has(stanzaId);
  }
}
