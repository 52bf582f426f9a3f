import { Router } from 'express';
import type { EdgeDeps } from '../context.ts';
import { parseWith } from '../middleware/json-body.ts';
import { pictureHeaders } from '../middleware/security-headers.ts';
import { statechartQuery } from '../openapi/inspector-schemas.ts';
import { agentPath } from '../openapi/request-schemas.ts';
import { mermaidOf } from '../pages/chart-mermaid.ts';
import { litChart } from '../pages/chart-svg.ts';
import { resource } from '../resource.ts';

/**
 * `GET /sessions/{agentId}/statechart`: the chart of an agent with its live states lit, as SVG, or as mermaid text
 * for whoever asks for `text/plain` or `text/vnd.mermaid`.
 */
export function statechartRoutes({ system, guards }: EdgeDeps): Router {
  const router = Router({ caseSensitive: true });
  resource(router, '/sessions/:agentId/statechart', {
    get: [
      guards.api,
      pictureHeaders,
      async (req, res) => {
        const { agentId } = parseWith(agentPath, req.params);
        const { machine } = parseWith(statechartQuery, req.query);
        const agent = system.describe(agentId);
        const states = machine === 'agent' ? agent.states : agent.supervisorStates;
        res.set({ 'Cache-Control': 'no-store', Vary: 'Accept' });
        const type = req.accepts(['image/svg+xml', 'text/vnd.mermaid', 'text/plain']);
        if (type === 'text/plain' || type === 'text/vnd.mermaid') {
          res.type(type).send(mermaidOf(system.charts[machine], states));
        } else {
          const next = system.next(agentId)[machine];
          res.type('image/svg+xml').send(await litChart(machine, { states, next }));
        }
      },
    ],
  });
  return router;
}
