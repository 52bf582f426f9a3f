import type { Response } from 'express';
import { toGatewayError } from '../../../actors/domain/errors.ts';
import {
  type ContentDraft,
  fileOf,
  type MediaContent,
  type MessageContent,
} from '../../../actors/domain/message-content.ts';
import type { OutgoingMessage } from '../../../actors/domain/ports/stores.ts';
import type { HttpContext } from '../../context.ts';
import { agentOf } from '../../middleware/agent-auth.ts';
import { traceIdOf } from '../../middleware/trace.ts';
import { takeHold } from '../../middleware/upload-budget.ts';
import type { Answer } from '../../resource.ts';
import { prefersAsync, sendOutcomeAnswer } from './send-operation.ts';

/** A message as its body asks for it. */
interface SendBody {
  to: string;
  quoteId?: string;
  content: ContentDraft;
  /** Keep a copy of the image for people. */
  save_to_temp?: boolean;
}

/** What an answer says of a file. */
function shownFile(content: MessageContent): { mimetype?: string; size?: number } {
  const file = fileOf(content);
  return file ? { mimetype: file.mimetype, size: file.size } : {};
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
  const { agentId, userId } = agent;
  const respondAsync = prefersAsync(res.req);
  const traceId = traceIdOf(res);
  const hold = takeHold(res);
  /** Releases the body: its megabytes of text are not held while the send is queued. */
  const drop = (): void => {
    if ('source' in draft) delete draft.source.data;
    res.req.body = undefined;
    hold.release();
  };

  /** Accepts a content, and answers with its outcome, or that it waits. */
  const accept = async (id: string | undefined, content: MessageContent, more = {}): Promise<Answer> => {
    const message: OutgoingMessage = { id, to, content, quoteId, origin: 'api', traceId };
    const outcome = await system.ask(agentId, { type: 'message.send', userId, message, respondAsync });
    return sendOutcomeAnswer(agentId, outcome, respondAsync, { ...shownFile(content), ...more });
  };

  /** Stores the file of a content, then accepts it. */
  const acceptMedia = async (id: string | undefined, content: MediaContent): Promise<Answer> => {
    drop();
    try {
      const previewPath = keepsPreview ? await media.preview(content.file) : undefined;
      return await accept(id, content, { previewPath });
    } catch (thrown) {
      // With an outcome, it was accepted.
      if (!toGatewayError(thrown).details?.outcome) await media.discard(agent, content.file);
      throw thrown;
    }
  };

  try {
    await once(res.req, res, operation, body, {
      work: async (id) => {
        if (!('source' in draft)) return accept(id, draft);
        await system.ask(agentId, { type: 'message.check', userId, traceId });
        return acceptMedia(id, await media.open(agent, draft));
      },
      resume: async (id) => {
        drop();
        const { content } = await system.ask(agentId, { type: 'message.find', userId, id });
        const outcome = await system.ask(agentId, { type: 'message.outcome', userId, id });
        return sendOutcomeAnswer(agentId, outcome, respondAsync, shownFile(content));
      },
    });
  } finally {
    hold.release();
  }
}
