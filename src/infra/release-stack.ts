/** Undoes one thing. */
type Release = () => Promise<void> | void;

/** What a service has opened, to be undone at its end in reverse order. */
export class ReleaseStack {
  readonly #releases: Release[] = [];

  /** Adds what is to be undone before everything added so far. */
  push(release: Release): void {
    this.#releases.push(release);
  }

  /**
   * Undoes everything, last first; one failure does not keep the rest from ending.
   * @throws AggregateError with all failures, once the last one has ended
   */
  async release(): Promise<void> {
    const failures: unknown[] = [];
    for (const release of this.#releases.splice(0).reverse()) {
      try {
        await release();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, 'The service did not stop cleanly.');
  }
}
