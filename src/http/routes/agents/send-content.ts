import type { Response } from 'express';
import type { SendOutcome } from '../../../actors/domain/commands.ts';
import { toGatewayError } from '../../../actors/domain/errors.ts';
import type { ContentDraft, MediaContent, MessageContent } from '../../../actors/domain/message-content.ts';
import type { HttpContext } from '../../context.ts';
import { agentOf } from '../../middleware/agent-auth.ts';
import { traceIdOf } from '../../middleware/trace.ts';
import { takeHold } from '../../middleware/upload-budget.ts';
import { answerStored, outcomeAnswer, type RequestedMessage, sendMessage } from './send-operation.ts';

/** A message whose file is still to be stored. */
interface MessageDraft extends Omit<RequestedMessage, 'content'> {
  content: ContentDraft;
}

/** A message as its body asks for it. */
interface SendBody extends MessageDraft {
  /** Keep a copy of the image for people. */
  save_to_temp?: boolean;
}

/** What became of a message, and what it holds. */
interface Sent {
  outcome: SendOutcome;
  content: MessageContent;
  /** Path of the copy for people. */
  previewPath?: string | undefined;
}

/**
 * Sends the message of a body. Its file is stored before, and deleted when the message was not accepted; after that the
 * message's outcome decides. The bytes in the body are released as soon as they are stored.
 */
export async function sendDraft(context: HttpContext, res: Response, body: SendBody): Promise<Sent> {
  const { content: draft, save_to_temp: keepsPreview = false, ...message } = body;
  const { system, media } = context;
  const agent = agentOf(res);
  const hold = takeHold(res);

  /** Sends a content whose file is stored. */
  const sendMedia = async (content: MediaContent): Promise<Sent> => {
    drop(res, draft);
    try {
      const previewPath = keepsPreview ? await media.preview(content.file) : undefined;
      const outcome = await sendMessage(context, res, { ...message, content });
      return { outcome, content, previewPath };
    } catch (thrown) {
      // With an outcome, it was accepted.
      if (!toGatewayError(thrown).details?.outcome) await media.discard(agent, content.file);
      throw thrown;
    }
  };

  try {
    if (!('source' in draft))
      return { outcome: await sendMessage(context, res, { ...message, content: draft }), content: draft };
    const { agentId, userId } = agent;
    await system.ask(agentId, { type: 'message.check', userId, traceId: traceIdOf(res) });
    return await sendMedia(await media.open(agent, draft));
  } finally {
    hold.release();
  }
}

/** Drops the body of a request: its megabytes of text are not held while the message is queued. */
function drop(res: Response, draft: ContentDraft): void {
  if ('source' in draft) delete draft.source.data;
  res.req.body = undefined;
  takeHold(res).release();
}

/** Sends the message of a body, once per `Idempotency-Key`, and answers with what became of it. */
export async function sendContent(
  context: HttpContext,
  res: Response,
  operation: string,
  body: SendBody,
): Promise<void> {
  const hold = takeHold(res);
  try {
    await context.once(res.req, res, operation, body, {
      work: async (id) => {
        const { outcome, content, previewPath } = await sendDraft(context, res, { ...body, id });
        return outcomeAnswer(res, outcome, content, { previewPath });
      },
      resume: (id) => {
        drop(res, body.content);
        return answerStored(context, res, id);
      },
    });
  } finally {
    hold.release();
  }
}
