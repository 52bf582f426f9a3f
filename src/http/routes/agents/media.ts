import type { z } from 'zod';
import { toGatewayError } from '../../../actors/domain/errors.ts';
import type { AgentRef } from '../../../actors/domain/identity.ts';
import { fileOf, type MessageContent } from '../../../actors/domain/message-content.ts';
import type { OutgoingMessage } from '../../../actors/domain/ports/stores.ts';
import type { HttpContext } from '../../context.ts';
import { agentOf } from '../../middleware/agent-auth.ts';
import { BODY_LIMITS, jsonBody } from '../../middleware/json-body.ts';
import { traceIdOf } from '../../middleware/trace.ts';
import type { Hold } from '../../middleware/upload-budget.ts';
import { takeHold } from '../../middleware/upload-budget.ts';
import * as examples from '../../openapi/examples.ts';
import { mediaBody, type ToJid } from '../../openapi/request-schemas.ts';
import { queuedMedia, sentMedia } from '../../openapi/response-schemas.ts';
import { type Operation, operationOn } from '../../operation.ts';
import type { MediaSource, StoredImage } from '../../ports.ts';
import type { Answer } from '../../resource.ts';
import {
  asyncHeaders,
  prefersAsync,
  queuedHeaders,
  SEND_CODES,
  sendOperation,
  sendOutcomeAnswer,
} from './send-operation.ts';

type MediaBody = z.output<ReturnType<typeof mediaBody>>;

/** Stores the image of a body, from whichever of its two sources; fetched bytes count for the budget, too. */
function store(media: MediaSource, body: MediaBody, hold: Hold): Promise<StoredImage> {
  const claim = { mimetype: body.mimetype, filename: body.filename };
  if (body.url === undefined) return media.fromBase64(body.data ?? '', claim);
  return media.fromUrl(body.url, claim, hold.grow);
}

/** Sends a stored image; deletes it when it was not sent for sure, keeps it while the outcome is unknown. */
async function send(
  { system, media }: HttpContext,
  { agentId, userId }: AgentRef,
  body: MediaBody,
  image: StoredImage,
  options: { id?: string; respondAsync: boolean; traceId: string },
): Promise<Answer> {
  try {
    const previewPath = body.save_to_temp ? await media.preview(image) : undefined;
    const { to, caption = '', quoteId } = body;
    const { id, respondAsync, traceId } = options;
    const content: MessageContent = { kind: 'image', file: image, caption };
    const message: OutgoingMessage = { id, to, content, quoteId, origin: 'api', traceId };
    const outcome = await system.ask(agentId, { type: 'message.send', userId, message, respondAsync });
    const { mimetype, size } = image;
    return sendOutcomeAnswer(agentId, outcome, respondAsync, { mimetype, size, previewPath });
  } catch (thrown) {
    if (toGatewayError(thrown).details?.outcome !== 'unknown') await media.discard(image);
    throw thrown;
  }
}

/** `POST /agents/{agentId}/media`: an image of at most 10 MiB, from base64 or a URL. */
export function mediaOperation(toJid: ToJid): Operation<HttpContext> {
  return operationOn<HttpContext>()({
    ...sendOperation,
    path: '/agents/{agentId}/media',
    operationId: 'sendMedia',
    summary: 'Send an image',
    description: 'Images of at most 10·1024·1024 bytes, by `data` or by `url`.',
    requestHeaders: asyncHeaders,
    body: mediaBody(toJid),
    readBody: ({ budgets }) =>
      jsonBody(BODY_LIMITS.media, { budget: budgets.media, tooLarge: 'MEDIA_TOO_LARGE' }),
    responses: {
      200: { description: 'Sent.', json: sentMedia, example: { ...examples.sent, ...examples.image } },
      202: {
        description: 'Queued.',
        json: queuedMedia,
        example: { ...examples.queued, ...examples.image },
        headers: queuedHeaders,
      },
    },
    codes: [...SEND_CODES, 'MEDIA_TOO_LARGE', 'MEDIA_URL_BLOCKED', 'MEDIA_FETCH_FAILED'],
    run: async (context, { body }, res) => {
      const { system, media, once } = context;
      const { agentId, userId } = agentOf(res);
      const options = { respondAsync: prefersAsync(res.req), traceId: traceIdOf(res) };
      const hold = takeHold(res);
      /** Releases the body: its fourteen megabytes of text are not held while the send is queued. */
      const drop = (): void => {
        body.data = undefined;
        res.req.body = undefined;
        hold.release();
      };
      const work = async (id: string | undefined): Promise<Answer> => {
        await system.ask(agentId, { type: 'message.check', userId, traceId: options.traceId });
        const image = await store(media, body, hold);
        drop();
        return send(context, { agentId, userId }, body, image, { ...options, id });
      };
      const resume = async (id: string): Promise<Answer> => {
        drop();
        const { content } = await system.ask(agentId, { type: 'message.find', userId, id });
        const outcome = await system.ask(agentId, { type: 'message.outcome', userId, id });
        const file = fileOf(content);
        const shown = file && { mimetype: file.mimetype, size: file.size };
        return sendOutcomeAnswer(agentId, outcome, options.respondAsync, shown);
      };
      try {
        await once(res.req, res, 'media', body, { work, resume });
      } finally {
        hold.release();
      }
    },
  });
}
