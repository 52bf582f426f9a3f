const REMEMBERED = 1_000;

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
