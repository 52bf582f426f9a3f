import type { Response } from 'express';
import { toGatewayError } from '../../../actors/domain/errors.ts';
import type { ContentDraft, MediaContent } from '../../../actors/domain/message-content.ts';
import type { HttpContext } from '../../context.ts';
import { agentOf } from '../../middleware/agent-auth.ts';
import { traceIdOf } from '../../middleware/trace.ts';
import { takeHold } from '../../middleware/upload-budget.ts';
import type { Answer } from '../../resource.ts';
import { answerSend, answerStored } from './send-operation.ts';

/** A message as its body asks for it. */
interface SendBody {
  to: string;
  quoteId?: string;
  content: ContentDraft;
  /** Keep a copy of the image for people. */
  save_to_temp?: boolean;
}

/**
 * Sends the message of a body, once per `Idempotency-Key`. Its file is stored before, and deleted when the message was
 * not accepted; after that the message's outcome decides. The bytes in the body are released as soon as they are stored.
 */
export async function sendContent(
  context: HttpContext,
  res: Response,
  operation: string,
  body: SendBody,
): Promise<void> {
  const { system, media, once } = context;
  const { to, quoteId, content: draft, save_to_temp: keepsPreview = false } = body;
  const agent = agentOf(res);
  const hold = takeHold(res);
  /** Releases the body: its megabytes of text are not held while the send is queued. */
  const drop = (): void => {
    if ('source' in draft) delete draft.source.data;
    res.req.body = undefined;
    hold.release();
  };

  /** Sends a content whose file is stored. */
  const sendMedia = async (id: string | undefined, content: MediaContent): Promise<Answer> => {
    drop();
    try {
      const previewPath = keepsPreview ? await media.preview(content.file) : undefined;
      return await answerSend(context, res, { id, to, content, quoteId }, { previewPath });
    } catch (thrown) {
      // With an outcome, it was accepted.
      if (!toGatewayError(thrown).details?.outcome) await media.discard(agent, content.file);
      throw thrown;
    }
  };

  try {
    await once(res.req, res, operation, body, {
      work: async (id) => {
        if (!('source' in draft)) return answerSend(context, res, { id, to, content: draft, quoteId });
        const { agentId, userId } = agent;
        await system.ask(agentId, { type: 'message.check', userId, traceId: traceIdOf(res) });
        return sendMedia(id, await media.open(agent, draft));
      },
      resume: (id) => {
        drop();
        return answerStored(context, res, id);
      },
    });
  } finally {
    hold.release();
  }
}
