import { Router } from 'express';
import type { z } from 'zod';
import { toGatewayError } from '../../actors/errors.ts';
import { agentIdOf } from '../auth.ts';
import { BODY_LIMITS, jsonBody, parseWith } from '../body.ts';
import type { MediaSource, StoredImage } from '../ports.ts';
import { type Answer, resource } from '../routing.ts';
import type { AgentBodies } from '../schemas.ts';
import { traceIdOf } from '../trace.ts';
import type { AgentRouteDeps } from './agents.ts';
import { prefersAsync, sendOutcomeAnswer } from './sending.ts';

type MediaBody = z.output<AgentBodies['media']>;

/** Stores the image of a body, from whichever of its two sources. */
function store(media: MediaSource, body: MediaBody): Promise<StoredImage> {
  const claim = { mimetype: body.mimetype, filename: body.filename };
  return body.url === undefined ? media.fromBase64(body.data ?? '', claim) : media.fromUrl(body.url, claim);
}

/** `POST /agents/{agentId}/media` (SPEC §3, §9): an image of at most 10 MiB, from base64 or a URL. */
export function mediaRoutes({ system, media, auth, rateLimit, once, bodies }: AgentRouteDeps): Router {
  const router = Router({ caseSensitive: true });

  /** Sends a stored image; one that surely will not leave is deleted, one that may yet be looked for is not. */
  async function send(
    agentId: string,
    body: MediaBody,
    image: StoredImage,
    options: { id?: string; respondAsync: boolean; traceId: string },
  ): Promise<Answer> {
    try {
      const previewPath = body.save_to_temp ? await media.preview(image) : undefined;
      const { to, caption = '', quoteId } = body;
      const { id, respondAsync, traceId } = options;
      const outcome = await system.send(
        agentId,
        { id, to, kind: 'image', text: caption, quoteId, image, origin: 'api', traceId },
        { respondAsync },
      );
      const { mimetype, size } = image;
      return sendOutcomeAnswer(agentId, outcome, respondAsync, { mimetype, size, previewPath });
    } catch (thrown) {
      if (toGatewayError(thrown).details?.outcome !== 'unknown') await media.discard(image);
      throw thrown;
    }
  }

  resource(router, '/agents/:agentId/media', {
    post: [
      auth,
      rateLimit,
      jsonBody(BODY_LIMITS.media, 'MEDIA_TOO_LARGE'),
      async (req, res) => {
        const agentId = agentIdOf(res);
        const body = parseWith(bodies.media, req.body);
        const options = { respondAsync: prefersAsync(req), traceId: traceIdOf(res) };
        await once(req, res, 'media', body, {
          work: async (id) => {
            system.assertCanSend(agentId);
            const image = await store(media, body);
            // Its fourteen megabytes of text are not held while the send waits its turn.
            body.data = undefined;
            req.body = undefined;
            return send(agentId, body, image, { ...options, id });
          },
          resume: async (id) => {
            const { image } = await system.message(agentId, id);
            const outcome = await system.outcome(agentId, id);
            const told = image && { mimetype: image.mimetype, size: image.size };
            return sendOutcomeAnswer(agentId, outcome, options.respondAsync, told);
          },
        });
      },
    ],
  });

  return router;
}
