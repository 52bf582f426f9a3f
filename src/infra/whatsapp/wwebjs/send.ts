import type { Client, MessageMedia } from 'whatsapp-web.js';
import { GatewayError } from '../../../actors/errors.ts';
import type { Handover, Jid } from '../../../actors/ports.ts';
import { query, textOf, within } from './calls.ts';
import { quotableScript } from './page-scripts.ts';
import { withoutDevice } from './parse-message.ts';

/** What is to be sent; the caption is an image's. */
export interface Draft {
  to: Jid;
  content: string | MessageMedia;
  caption?: string;
  quoteId?: string;
}

const MESSAGE_ID = /^(true|false)_[\w.-]+@[a-z.]+_[^_]+(_.+)?$/;
const QUOTE_MISSING = 'The quoted message was not found in this chat.';
/** What the page says before it has given the message to anybody. */
const NOT_HANDED_OVER = /invalid wid|reading 'getChat'|media-fault|upload failed/;

/**
 * Hands a message over, with the options that keep the library from failing or waiting for what nobody asked for.
 * @throws GatewayError `NOT_FOUND` for a quote that isn't there, else `BAD_GATEWAY` with the outcome
 */
export async function send(
  client: Client,
  draft: Draft,
  deadlines: { sendMs: number; queryMs: number },
): Promise<Handover> {
  if (draft.quoteId !== undefined) await checkQuote(client, draft.to, draft.quoteId, deadlines.queryMs);
  const sent = client.sendMessage(draft.to, draft.content, {
    caption: draft.caption || undefined,
    quotedMessageId: draft.quoteId,
    ignoreQuoteErrors: false,
    sendSeen: false,
    linkPreview: false,
    parseVCards: false,
  });
  const message = await within('send', deadlines.sendMs, sent).catch((error: unknown) => {
    throw failureOf(error);
  });
  // It resolves with nothing when it found no chat, or the page lost sight of the message.
  if (message) {
    return { messageId: message.id._serialized, timestamp: message.timestamp * 1000, ack: message.ack ?? 0 };
  }
  throw new GatewayError('BAD_GATEWAY', 'WhatsApp has no such chat.', { details: { outcome: 'failed' } });
}

/** A quote that can't be had is told, never left out in silence (SPEC §3). */
async function checkQuote(client: Client, to: Jid, quoteId: string, ms: number): Promise<void> {
  const missing = () => new GatewayError('NOT_FOUND', QUOTE_MISSING, { details: { outcome: 'failed' } });
  if (!MESSAGE_ID.test(quoteId)) throw missing();
  const asked = client.pupPage?.evaluate(quotableScript(quoteId)) ?? Promise.resolve(null);
  const chatId = await query('quote', ms, asked).catch((error: GatewayError) => {
    throw textOf(error.cause).includes('invalid wid') ? missing() : error;
  });
  if (typeof chatId !== 'string') throw missing();
  // The same person may be addressed by number and by LID: only two of a kind can be compared.
  const sameKind = chatId.split('@')[1] === to.split('@')[1];
  if (sameKind && withoutDevice(chatId) !== withoutDevice(to)) throw missing();
}

/** The library's failure as the port's: may the message have left? */
function failureOf(error: unknown): GatewayError {
  const text = textOf(error);
  if (text.includes('Could not get the quoted message')) {
    return new GatewayError('NOT_FOUND', QUOTE_MISSING, { cause: error, details: { outcome: 'failed' } });
  }
  const outcome = NOT_HANDED_OVER.test(text) ? 'failed' : 'unknown';
  return new GatewayError('BAD_GATEWAY', 'WhatsApp failed the send.', { cause: error, details: { outcome } });
}
