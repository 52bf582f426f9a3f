import type { ToJid } from '../../../infra/content-schemas.ts';
import type { HttpContext } from '../../context.ts';
import { BODY_LIMITS, jsonBody } from '../../middleware/json-body.ts';
import * as examples from '../../openapi/examples.ts';
import { mediaBody } from '../../openapi/request-schemas.ts';
import { queuedMedia, sentMedia } from '../../openapi/response-schemas.ts';
import { type Operation, operationOn } from '../../operation.ts';
import { sendContent } from './send-content.ts';
import { asyncHeaders, MEDIA_CODES, queuedHeaders, SEND_CODES, sendOperation } from './send-operation.ts';

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
    codes: [...SEND_CODES, ...MEDIA_CODES],
    run: (context, { body }, res) => sendContent(context, res, 'media', body),
  });
}
