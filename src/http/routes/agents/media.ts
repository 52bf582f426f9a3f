import { Router } from 'express';
import type { z } from 'zod';
import { toGatewayError } from '../../../actors/domain/errors.ts';
import type { AgentRef } from '../../../actors/domain/identity.ts';
import { agentOf } from '../../middleware/agent-auth.ts';
import { takeHold } from '../../middleware/body-hold.ts';
import { BODY_LIMITS, jsonBody, parseWith } from '../../middleware/json-body.ts';
import { traceIdOf } from '../../middleware/trace.ts';
import type { Hold } from '../../middleware/upload-budget.ts';
import type { AgentBodies } from '../../openapi/request-schemas.ts';
import type { MediaSource, StoredImage } from '../../ports.ts';
import { type Answer, resource } from '../../resource.ts';
import type { AgentRouteDeps } from './agent-routes.ts';
import { prefersAsync, sendOutcomeAnswer } from './sending.ts';

type MediaBody = z.output<AgentBodies['media']>;

/** Stores the image of a body, from whichever of its two sources; what is fetched is held of the budget, too. */
function store(media: MediaSource, body: MediaBody, hold: Hold): Promise<StoredImage> {
  const claim = { mimetype: body.mimetype, filename: body.filename };
  if (body.url === undefined) return media.fromBase64(body.data ?? '', claim);
  return media.fromUrl(body.url, claim, hold.grow);
}

/** `POST /agents/{agentId}/media` (SPEC §3, §9): an image of at most 10 MiB, from base64 or a URL. */
export function mediaRoutes({
  system,
  media,
  auth,
  rateLimit,
  once,
  bodies,
  budgets,
}: AgentRouteDeps): Router {
  const router = Router({ caseSensitive: true });

  /** Sends a stored image; one that surely will not leave is deleted, one that may yet be looked for is not. */
  async function send(
    agent: AgentRef,
    body: MediaBody,
    image: StoredImage,
    options: { id?: string; respondAsync: boolean; traceId: string },
  ): Promise<Answer> {
    try {
      const previewPath = body.save_to_temp ? await media.preview(image) : undefined;
      const { to, caption = '', quoteId } = body;
      const { id, respondAsync, traceId } = options;
      const outcome = await system.send(
        agent,
        { id, to, kind: 'image', text: caption, quoteId, image, origin: 'api', traceId },
        { respondAsync },
      );
      const { mimetype, size } = image;
      return sendOutcomeAnswer(agent.agentId, outcome, respondAsync, { mimetype, size, previewPath });
    } catch (thrown) {
      if (toGatewayError(thrown).details?.outcome !== 'unknown') await media.discard(image);
      throw thrown;
    }
  }

  resource(router, '/agents/:agentId/media', {
    post: [
      auth,
      rateLimit,
      jsonBody(BODY_LIMITS.media, { budget: budgets.media, tooLarge: 'MEDIA_TOO_LARGE' }),
      async (req, res) => {
        const agent = agentOf(res);
        const body = parseWith(bodies.media, req.body);
        const options = { respondAsync: prefersAsync(req), traceId: traceIdOf(res) };
        const hold = takeHold(res);
        /** Lets go of the body: its fourteen megabytes of text are not held while the send waits its turn. */
        const drop = (): void => {
          body.data = undefined;
          req.body = undefined;
          hold.release();
        };
        const work = async (id: string | undefined): Promise<Answer> => {
          system.assertCanSend(agent, options.traceId);
          const image = await store(media, body, hold);
          drop();
          return send(agent, body, image, { ...options, id });
        };
        const resume = async (id: string): Promise<Answer> => {
          drop();
          const { image } = await system.message(agent, id);
          const outcome = await system.outcome(agent, id);
          const told = image && { mimetype: image.mimetype, size: image.size };
          return sendOutcomeAnswer(agent.agentId, outcome, options.respondAsync, told);
        };
        try {
          await once(req, res, 'media', body, { work, resume });
        } finally {
          hold.release();
        }
      },
    ],
  });

  return router;
}
