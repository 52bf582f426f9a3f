/** A phone reports again while its owner goes on typing, and stops so long after the last letter. */
const AGAIN_MS = 10_000;
const PAUSE_MS = 3_000;

/** Reports that the owner of a phone types, and that this stopped, as WhatsApp's phones do. */
export class TypingReport {
  readonly #report: (typing: boolean) => void;
  #reportedAt: number | null = null;
  #pause: ReturnType<typeof setTimeout> | undefined;

  constructor(report: (typing: boolean) => void) {
    this.#report = report;
  }

  /** A letter was typed. */
  typed(): void {
    clearTimeout(this.#pause);
    this.#pause = setTimeout(() => this.stop(), PAUSE_MS);
    const now = Date.now();
    if (this.#reportedAt !== null && now - this.#reportedAt < AGAIN_MS) return;
    this.#reportedAt = now;
    this.#report(true);
  }

  /** Nothing is typed any more; reported once. */
  stop(): void {
    clearTimeout(this.#pause);
    if (this.#reportedAt === null) return;
    this.#reportedAt = null;
    this.#report(false);
  }
}
