import type { ToJid } from '../../../infra/content-schemas.ts';
import type { HttpContext } from '../../context.ts';
import { agentOf } from '../../middleware/agent-auth.ts';
import { BODY_LIMITS, jsonBody } from '../../middleware/json-body.ts';
import { traceIdOf } from '../../middleware/trace.ts';
import { ran } from '../../openapi/examples.ts';
import { runBody } from '../../openapi/request-schemas.ts';
import { ranTurn } from '../../openapi/response-schemas.ts';
import { type Operation, operationOn } from '../../operation.ts';
import { SEND_CODES, sendOperation } from './send-operation.ts';

/** `POST /agents/{agentId}/run`. */
export function runOperation(toJid: ToJid): Operation<HttpContext> {
  return operationOn<HttpContext>()({
    ...sendOperation,
    path: '/agents/{agentId}/run',
    operationId: 'runAgent',
    summary: 'Ask the AI, and send its answer to the chat',
    description:
      'Unknown fields pass through to the AI. Typing shows while it thinks. In a chat that a person has, or that is ' +
      'closed, the AI is not asked: `reply` is null. `messages` lists what the AI answered besides the reply.',
    body: runBody(toJid),
    readBody: ({ budgets }) => jsonBody(BODY_LIMITS.text, { budget: budgets.text }),
    responses: { 200: { description: 'Answered.', json: ranTurn, example: ran } },
    codes: [...SEND_CODES, 'AI_DOWNSTREAM_ERROR', 'AI_TIMEOUT', 'CHAT_HANDED_OVER'],
    run: async ({ system, once }, { body }, res) => {
      const { agentId, userId } = agentOf(res);
      await once(res.req, res, 'run', body, {
        work: async (storedId) => {
          const outcome = await system.ask(agentId, {
            type: 'turn.run',
            userId,
            request: body,
            traceId: traceIdOf(res),
            id: storedId,
          });
          return { status: 200, body: outcome };
        },
        // The answer was stored: the AI is not asked again.
        resume: async (id) => {
          const { sessionId } = body;
          const outcome = await system.ask(agentId, { type: 'turn.outcome', userId, id, sessionId });
          return { status: 200, body: outcome };
        },
      });
    },
  });
}
