import { TEXTS } from '../../actors/domain/error-texts.ts';
import { GatewayError } from '../../actors/domain/errors.ts';

/** How many uploads of files may run at once, by owner: each takes a connection, buffers, and disk beyond the quota. */
export class UploadSlots {
  readonly #most: number;
  readonly #byOwner = new Map<string, number>();

  constructor(most: number) {
    this.#most = most;
  }

  /**
   * Runs an upload of this owner.
   * @throws GatewayError `RATE_LIMITED` when as many are running; or what `upload` throws
   */
  async run<Result>(owner: string, upload: () => Promise<Result>): Promise<Result> {
    const running = this.#byOwner.get(owner) ?? 0;
    if (running >= this.#most) throw new GatewayError('RATE_LIMITED', TEXTS.RATE_LIMITED.uploads);
    this.#byOwner.set(owner, running + 1);
    try {
      return await upload();
    } finally {
      const left = this.#byOwner.get(owner)! - 1;
      if (left === 0) this.#byOwner.delete(owner);
      else this.#byOwner.set(owner, left);
    }
  }
}
