type Release = () => Promise<void> | void;

/** Releases what a service has opened, in reverse order. */
export class ReleaseStack {
  readonly #releases: Release[] = [];

  /** Adds a release that runs before all added so far. */
  push(release: Release): void {
    this.#releases.push(release);
  }

  /**
   * Runs all releases, last first, also after a failure.
   * @throws AggregateError with all failures, once the last one has finished
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
