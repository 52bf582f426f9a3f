import { createHash } from 'node:crypto';
import { TEXTS } from '../../actors/domain/error-texts.ts';
import { GatewayError, toGatewayError } from '../../actors/domain/errors.ts';
import type { MediaFile } from '../../actors/domain/message-content.ts';
import { cleanFilename } from '../files/filename.ts';
import type { TempFiles } from '../files/temp-files.ts';
import type { Lookup } from '../net/guarded-lookup.ts';
import { decodeBase64 } from './base64.ts';
import { readImageHeader } from './image-header.ts';
import { MediaFetcher } from './media-fetcher.ts';
import type { Spool } from './spool.ts';

/** 10 MB in the API's sense. */
export const MAX_MEDIA_BYTES = 10 * 1024 * 1024;

/** What the caller says about an image. Only the name is used; the bytes decide the type. */
export interface MediaClaim {
  mimetype?: string;
  filename?: string;
}

/** Where images go, and which URLs may be fetched. */
export interface SpooledMediaOptions {
  spool: Spool;
  previews: TempFiles;
  /** Origins that media URLs may use although they are private (`MEDIA_ALLOWED_ORIGINS`). */
  allowedOrigins: string[];
  /** Resolves the names in media URLs; the system's by default. */
  lookup?: Lookup;
  /** Fetches URLs; one with the contract's limits by default. */
  fetcher?: Pick<MediaFetcher, 'fetch'>;
}

/**
 * The media source of the HTTP edge: stores what callers send as checked image files in the spool. What is refused
 * leaves no file.
 */
export class SpooledMedia {
  readonly #spool: Spool;
  readonly #previews: TempFiles;
  readonly #fetcher: Pick<MediaFetcher, 'fetch'>;

  constructor({ spool, previews, allowedOrigins, lookup, fetcher }: SpooledMediaOptions) {
    this.#spool = spool;
    this.#previews = previews;
    this.#fetcher = fetcher ?? new MediaFetcher({ allowedOrigins, maxBytes: MAX_MEDIA_BYTES, lookup });
  }

  /** Stores plain base64 or a data URL. `INVALID_PAYLOAD`, `MEDIA_TOO_LARGE`, `UNSUPPORTED_MEDIA_TYPE`. */
  async fromBase64(data: string, claim: MediaClaim): Promise<MediaFile> {
    return await this.#store(decodeBase64(data, MAX_MEDIA_BYTES), claim);
  }

  /**
   * Fetches and stores an image; `onBytes` receives the length of each chunk and may throw.
   * `MEDIA_URL_BLOCKED`, `MEDIA_FETCH_FAILED`, `MEDIA_TOO_LARGE`, `UNSUPPORTED_MEDIA_TYPE`.
   */
  async fromUrl(url: string, claim: MediaClaim, onBytes?: (bytes: number) => void): Promise<MediaFile> {
    return await this.#store(await this.#fetcher.fetch(url, onBytes), claim);
  }

  /** Copies the image into `TEMP_DIR`, where it is kept for a day; returns the copy's path. */
  async preview(image: MediaFile): Promise<string> {
    try {
      return await this.#previews.add(image.path);
    } catch (error) {
      throw toGatewayError(error, 'INTERNAL', TEXTS.INTERNAL.previewNotWritten);
    }
  }

  /** Deletes the stored file: it will not be sent. Never rejects. */
  async discard(image: MediaFile): Promise<void> {
    await this.#spool.release(image.path);
  }

  /** Checks the bytes, then writes them. */
  async #store(bytes: Buffer, claim: MediaClaim): Promise<MediaFile> {
    const { mimetype, extension } = await readImageHeader(bytes);
    const filename = cleanFilename(claim.filename);
    try {
      const path = await this.#spool.write(bytes, extension);
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      return { path, mimetype, size: bytes.length, sha256, ...(filename && { filename }) };
    } catch (error) {
      throw new GatewayError('INTERNAL', TEXTS.INTERNAL.imageNotStored, { cause: error });
    }
  }
}
