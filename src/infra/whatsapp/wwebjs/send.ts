import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Page } from 'puppeteer';
import { z } from 'zod';
import { TEXTS } from '../../../actors/domain/error-texts.ts';
import { GatewayError } from '../../../actors/domain/errors.ts';
import type { Jid } from '../../../actors/domain/identity.ts';
import type { Handover, HandoverOptions, ImageFile } from '../../../actors/domain/ports/whatsapp.ts';
import { query, within } from './calls.ts';
import { PageFailure, runInPage } from './page/page-layer.ts';

/** What is to be sent; `text` is the caption of an image. */
export interface Draft extends HandoverOptions {
  to: Jid;
  text: string;
  image?: ImageFile;
}

const handover = z.object({
  messageId: z.string().min(1),
  t: z.number(),
  ack: z.number(),
  chatId: z.string(),
  errorCode: z.number().nullish(),
});

/** An image for the page, in base64. */
async function imageOf({ path, mimetype, filename }: ImageFile) {
  return { data: await readFile(path, 'base64'), mimetype, filename: filename ?? basename(path) };
}

/**
 * Hands a message over to the page.
 * @throws GatewayError `NOT_FOUND` for a quote that isn't in the chat, else `BAD_GATEWAY`; with the outcome
 */
export async function send(page: Page, { image, ...draft }: Draft, ms: number): Promise<Handover> {
  const content = image && (await query('image', ms, imageOf(image)));
  const handed = runInPage(page, 'send', handover, { ...draft, image: content });
  const { t, errorCode, ...result } = await within('send', ms, handed).catch((error: unknown) => {
    throw failureOf(error);
  });
  return { ...result, timestamp: t * 1000, errorCode: errorCode ?? undefined };
}

/** A failure of the page as the port's: `failed` only when the page stopped before the hand-over. */
function failureOf(cause: unknown): GatewayError {
  const failure = cause instanceof PageFailure ? cause : undefined;
  const outcome = failure?.stage === 'preparation' ? 'failed' : 'unknown';
  if (failure?.code === 'NO_QUOTE')
    return new GatewayError('NOT_FOUND', TEXTS.NOT_FOUND.quote, {
      cause,
      details: { outcome },
    });
  const missing = failure?.missing && { missing: [failure.missing] };
  const message = MESSAGES[failure?.code ?? ''] ?? TEXTS.BAD_GATEWAY.sendFailed;
  return new GatewayError('BAD_GATEWAY', message, { cause, details: { outcome, ...missing } });
}

const MESSAGES: Record<string, string> = {
  MISSING_BINDING: TEXTS.BAD_GATEWAY.pageChanged,
  NO_CHAT: TEXTS.BAD_GATEWAY.noChat,
  INVALID_ADDRESS: TEXTS.BAD_GATEWAY.addressRefused,
};
