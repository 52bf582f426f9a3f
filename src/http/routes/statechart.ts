import type { HttpContext } from '../context.ts';
import { pictureHeaders } from '../middleware/security-headers.ts';
import { mermaid } from '../openapi/examples.ts';
import { statechartQuery } from '../openapi/inspector-schemas.ts';
import { agentPath } from '../openapi/request-schemas.ts';
import { operationOn } from '../operation.ts';
import { mermaidOf } from '../pages/chart-mermaid.ts';
import { litChart } from '../pages/chart-svg.ts';

/** `GET /sessions/{agentId}/statechart`: SVG, or mermaid text for `text/plain` or `text/vnd.mermaid`. */
export const drawSession = operationOn<HttpContext>()({
  method: 'get',
  path: '/sessions/{agentId}/statechart',
  operationId: 'drawSession',
  summary: 'The state chart with the live states lit: SVG, or mermaid text by the Accept header',
  tag: 'sessions',
  access: 'operator',
  params: agentPath,
  query: statechartQuery,
  before: () => [pictureHeaders],
  responses: {
    200: {
      description: 'The chart.',
      types: {
        'image/svg+xml': '<svg xmlns="http://www.w3.org/2000/svg">…</svg>',
        'text/vnd.mermaid': mermaid,
        'text/plain': mermaid,
      },
    },
  },
  codes: ['SESSION_NOT_FOUND'],
  run: async ({ system }, { params: { agentId }, query: { machine } }, res) => {
    const agent = system.describe(agentId);
    const states = machine === 'agent' ? agent.states : agent.supervisorStates;
    res.set({ 'Cache-Control': 'no-store', Vary: 'Accept' });
    const type = res.req.accepts(['image/svg+xml', 'text/vnd.mermaid', 'text/plain']);
    if (type === 'text/plain' || type === 'text/vnd.mermaid') {
      res.type(type).send(mermaidOf(system.charts[machine], states));
    } else {
      const next = system.next(agentId)[machine];
      res.type('image/svg+xml').send(await litChart(machine, { states, next }));
    }
  },
});
