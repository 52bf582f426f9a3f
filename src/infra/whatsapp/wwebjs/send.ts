import { access, constants } from 'node:fs/promises';
import { basename } from 'node:path';
import type { ElementHandle, Page } from 'puppeteer';
import { z } from 'zod';
import { TEXTS } from '../../../actors/domain/error-texts.ts';
import { type ErrorCode, GatewayError } from '../../../actors/domain/errors.ts';
import type { Jid } from '../../../actors/domain/identity.ts';
import type { MediaContent, MediaFile, MessageContent } from '../../../actors/domain/message-content.ts';
import type { Handover, HandoverOptions } from '../../../actors/domain/ports/whatsapp.ts';
import { query, within } from './calls.ts';
import { PageFailure, runInPage } from './page/page-layer.ts';

/** What is to be sent. */
export interface Draft extends HandoverOptions {
  to: Jid;
  content: MessageContent;
}

const handover = z.object({
  messageId: z.string().min(1),
  t: z.number(),
  ack: z.number(),
  chatId: z.string(),
  errorCode: z.number().nullish(),
});

/** The slowest line that an upload is waited for on, in bytes per millisecond. */
const SLOWEST_UPLOAD = 256;

/**
 * Hands a message over to the page.
 * @throws GatewayError with the outcome, by the page's failure; `BAD_GATEWAY` for any other
 */
export async function send(page: Page, draft: Draft, ms: number): Promise<Handover> {
  const { content } = draft;
  if (!('file' in content)) return handOver(page, draft, ms);
  const named = { ...content, file: withName(content.file) };
  const input = await query('file', ms, fileInput(page, content.file.path));
  try {
    await upload(page, named, input, ms);
    return await handOver(page, { ...draft, content: named }, ms, input);
  } finally {
    input.dispose().catch(() => undefined);
  }
}

/** A file has a name in the page. */
function withName(file: MediaFile): MediaFile {
  return { ...file, filename: file.filename ?? basename(file.path) };
}

/** A file input of the page that holds a file of the disk: Chromium reads it, and its bytes do not pass through here. */
async function fileInput(page: Page, path: string): Promise<ElementHandle> {
  await access(path, constants.R_OK);
  const made = await page.evaluateHandle(`Object.assign(document.createElement('input'), { type: 'file' })`);
  const input = made.asElement() as ElementHandle<never>;
  await input.uploadFile(path);
  return input;
}

/** Uploads a file. It takes as long as its size may need; until the hand-over nothing has left. */
async function upload(page: Page, content: MediaContent, input: ElementHandle, ms: number): Promise<void> {
  const until = performance.now() + ms + content.file.size / SLOWEST_UPLOAD;
  try {
    await within('start-upload', ms, runInPage(page, 'startUpload', z.null(), content, input));
    // In slices: one call may not take longer than the protocol allows.
    let done = false;
    while (!done) {
      const slice = within('upload', ms, runInPage(page, 'awaitUpload', z.boolean(), input, ms / 2));
      done = await slice;
      if (!done && performance.now() > until) throw new Error('The upload took too long.');
    }
  } catch (error) {
    throw failureOf(error, 'failed');
  }
}

/** The hand-over itself. */
async function handOver(page: Page, draft: Draft, ms: number, input?: ElementHandle): Promise<Handover> {
  const handed = runInPage(page, 'send', handover, draft, input);
  const { t, errorCode, ...result } = await within('send', ms, handed).catch((error: unknown) => {
    throw failureOf(error, 'unknown');
  });
  return { ...result, timestamp: t * 1000, errorCode: errorCode ?? undefined };
}

/** A failure of the page as the port's: `failed` only when the page stopped before the hand-over. */
function failureOf(cause: unknown, otherwise: 'failed' | 'unknown'): GatewayError {
  const failure = cause instanceof PageFailure ? cause : undefined;
  const outcome = failure?.stage === 'preparation' ? 'failed' : otherwise;
  const missing = failure?.missing && { missing: [failure.missing] };
  const [code, message] = REFUSALS[failure?.code ?? ''] ?? ['BAD_GATEWAY', TEXTS.BAD_GATEWAY.sendFailed];
  return new GatewayError(code, message, { cause, details: { outcome, ...missing } });
}

const REFUSALS: Record<string, [ErrorCode, string]> = {
  MISSING_BINDING: ['BAD_GATEWAY', TEXTS.BAD_GATEWAY.pageChanged],
  NO_CHAT: ['BAD_GATEWAY', TEXTS.BAD_GATEWAY.noChat],
  INVALID_ADDRESS: ['BAD_GATEWAY', TEXTS.BAD_GATEWAY.addressRefused],
  NO_FILE: ['BAD_GATEWAY', TEXTS.BAD_GATEWAY.fileUnreadable],
  NO_QUOTE: ['NOT_FOUND', TEXTS.NOT_FOUND.quote],
  NO_TARGET: ['NOT_FOUND', TEXTS.NOT_FOUND.target],
  NOT_OWN_MESSAGE: ['NOT_OWN_MESSAGE', TEXTS.NOT_OWN_MESSAGE.author],
  NOT_EDITABLE: ['INVALID_PAYLOAD', TEXTS.INVALID_PAYLOAD.notEditable],
  TOO_LATE: ['TOO_LATE', TEXTS.TOO_LATE.windows],
};
