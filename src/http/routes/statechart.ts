import { Router } from 'express';
import { parseWith } from '../body.ts';
import type { EdgeDeps } from '../edge.ts';
import { statechartQuery } from '../inspector-schemas.ts';
import { resource } from '../routing.ts';
import { agentPath } from '../schemas.ts';
import { pictureHeaders } from '../security.ts';
import { litChart } from '../statechart.ts';
import { mermaidOf } from '../statechart-mermaid.ts';

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
