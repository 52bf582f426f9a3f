import { Router } from 'express';
import type { StoredMessage } from '../../../actors/domain/ports/stores.ts';
import { agentOf } from '../../middleware/agent-auth.ts';
import { BODY_LIMITS, jsonBody, parseWith } from '../../middleware/json-body.ts';
import { traceIdOf } from '../../middleware/trace.ts';
import { messagePath } from '../../openapi/request-schemas.ts';
import { resource, sendAnswer } from '../../resource.ts';
import type { AgentRouteDeps } from './agent-routes.ts';
import { prefersAsync, sendOutcomeAnswer } from './sending.ts';

/** A stored message as its sender may see it: its state, not its text. */
function messageBody(message: StoredMessage) {
  return {
    id: message.id,
    status: message.status,
    to: message.to,
    kind: message.kind,
    messageId: message.messageId ?? undefined,
    error: message.error ? { code: message.error.code, message: message.error.message } : undefined,
    createdAt: message.createdAt,
    sentAt: message.sentAt ?? undefined,
  };
}

/** `POST /agents/{agentId}/messages` and `GET …/messages/{id}` (SPEC §3). */
export function messageRoutes({ system, auth, rateLimit, once, bodies, budgets }: AgentRouteDeps): Router {
  const router = Router({ caseSensitive: true });

  resource(router, '/agents/:agentId/messages', {
    post: [
      auth,
      rateLimit,
      jsonBody(BODY_LIMITS.text, { budget: budgets.text }),
      async (req, res) => {
        const agent = agentOf(res);
        const body = parseWith(bodies.message, req.body);
        const respondAsync = prefersAsync(req);
        await once(req, res, 'messages', body, {
          work: async (id) => {
            system.assertCanSend(agent, traceIdOf(res));
            const { to, message, quoteId } = body;
            const outcome = await system.send(
              agent,
              { id, to, kind: 'text', text: message, quoteId, origin: 'api', traceId: traceIdOf(res) },
              { respondAsync },
            );
            return sendOutcomeAnswer(agent.agentId, outcome, respondAsync);
          },
          resume: async (id) =>
            sendOutcomeAnswer(agent.agentId, await system.outcome(agent, id), respondAsync),
        });
      },
    ],
  });

  resource(router, '/agents/:agentId/messages/:id', {
    get: [
      auth,
      async (req, res) => {
        const { id } = parseWith(messagePath, req.params);
        const message = await system.message(agentOf(res), id);
        sendAnswer(res, { status: 200, body: messageBody(message) });
      },
    ],
  });

  return router;
}
