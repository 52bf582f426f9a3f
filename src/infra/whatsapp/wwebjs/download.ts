import { randomUUID } from 'node:crypto';
import type { Page } from 'puppeteer';
import { z } from 'zod';
import { TEXTS } from '../../../actors/domain/error-texts.ts';
import { GatewayError } from '../../../actors/domain/errors.ts';
import type { DownloadOptions } from '../../../actors/domain/ports/whatsapp.ts';
import { abortable } from '../../../actors/domain/timeout.ts';
import { PageFailure, runInPage } from './page/page-layer.ts';

/** Bytes that cross from the page at once: what is in memory here, a third more of it as text. */
const PIECE_BYTES = 1024 * 1024;

/**
 * Downloads the file of a message in the page, which keeps it, and takes it out in pieces.
 * @throws GatewayError `MEDIA_TOO_LARGE`, `MEDIA_FETCH_FAILED`, or the signal's reason as soon as it is aborted
 */
export async function* download(
  page: Page,
  messageId: string,
  { maxBytes, signal }: DownloadOptions,
): AsyncGenerator<Uint8Array> {
  const key = randomUUID();
  try {
    signal.throwIfAborted();
    const size = await abortable(runInPage(page, 'download', z.number(), key, messageId, maxBytes), signal);
    for (let at = 0; at < size; at += PIECE_BYTES) {
      const piece = runInPage(page, 'readDownload', z.string(), key, at, PIECE_BYTES);
      yield Buffer.from(await abortable(piece, signal), 'base64');
    }
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof PageFailure && cause.code === 'TOO_LARGE')
      throw new GatewayError('MEDIA_TOO_LARGE', TEXTS.MEDIA_TOO_LARGE.bytes(maxBytes));
    throw new GatewayError('MEDIA_FETCH_FAILED', TEXTS.MEDIA_FETCH_FAILED.notDownloaded, { cause });
  } finally {
    runInPage(page, 'endDownload', z.null(), key).catch(() => undefined);
  }
}
