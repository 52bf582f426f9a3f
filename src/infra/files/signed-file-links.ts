import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../../actors/domain/ports/clock.ts';
import type { FileLinks, StoredFile } from '../../actors/domain/ports/files.ts';

/** What links are made from. */
export interface SignedFileLinksOptions {
  /** `APP_BASE_URL`. */
  baseUrl: string;
  secret: string;
  clock: Pick<Clock, 'now'>;
}

/** Links signed with HMAC-SHA256 over id and expiry, so that neither can be changed. */
export class SignedFileLinks implements FileLinks {
  readonly #options: SignedFileLinksOptions;

  constructor(options: SignedFileLinksOptions) {
    this.#options = options;
  }

  url({ id, expiresAt }: Pick<StoredFile, 'id' | 'expiresAt'>): string {
    const expires = String(Math.floor(expiresAt.getTime() / 1_000));
    return `${this.#options.baseUrl}/files/${id}?expires=${expires}&signature=${this.#sign(id, expires)}`;
  }

  isValid({ id, expires, signature }: Parameters<FileLinks['isValid']>[0]): boolean {
    // As text: one signature has several spellings in base64url.
    const expected = Buffer.from(this.#sign(id, expires));
    const given = Buffer.from(signature);
    const isSigned = given.length === expected.length && timingSafeEqual(given, expected);
    return isSigned && Number(expires) * 1_000 > this.#options.clock.now();
  }

  /** The signature of an id and its expiry, in seconds since the epoch. */
  #sign(id: string, expires: string): string {
    return createHmac('sha256', this.#options.secret).update(`${id}\n${expires}`).digest('base64url');
  }
}
