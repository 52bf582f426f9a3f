import { Router } from 'express';
import { agentOf } from '../../middleware/agent-auth.ts';
import { BODY_LIMITS, jsonBody, parseWith } from '../../middleware/json-body.ts';
import { traceIdOf } from '../../middleware/trace.ts';
import { resource } from '../../resource.ts';
import type { AgentRouteDeps } from './agent-routes.ts';

/** `POST /agents/{agentId}/run` (SPEC §3): asks the AI for a chat and sends what it answers. */
export function runRoutes({ system, auth, rateLimit, once, bodies, budgets }: AgentRouteDeps): Router {
  const router = Router({ caseSensitive: true });

  resource(router, '/agents/:agentId/run', {
    post: [
      auth,
      rateLimit,
      jsonBody(BODY_LIMITS.text, { budget: budgets.text }),
      async (req, res) => {
        const agent = agentOf(res);
        const body = parseWith(bodies.run, req.body);
        await once(req, res, 'run', body, {
          work: async (storedId) => {
            system.assertCanSend(agent, traceIdOf(res));
            const options = { traceId: traceIdOf(res), id: storedId };
            const { reply, replySent, sessionId, id, messageId } = await system.run(agent, body, options);
            return { status: 200, body: { reply, replySent, sessionId, id, messageId } };
          },
          // Only the reply was stored: the AI is not asked again.
          resume: async (id) => {
            const { text: reply } = await system.message(agent, id);
            const outcome = await system.outcome(agent, id);
            const messageId = outcome.status === 'sent' ? outcome.messageId : undefined;
            const replySent = outcome.status === 'sent';
            return { status: 200, body: { reply, replySent, sessionId: body.sessionId, id, messageId } };
          },
        });
      },
    ],
  });

  return router;
}
