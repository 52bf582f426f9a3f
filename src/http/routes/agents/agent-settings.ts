import type { ToJid } from '../../../infra/content-schemas.ts';
import type { HttpContext } from '../../context.ts';
import { agentOf } from '../../middleware/agent-auth.ts';
import { BODY_LIMITS, jsonBody } from '../../middleware/json-body.ts';
import { traceIdOf } from '../../middleware/trace.ts';
import { agentSettings as example } from '../../openapi/examples.ts';
import { agentPath, settingsBody } from '../../openapi/request-schemas.ts';
import { agentSettings } from '../../openapi/response-schemas.ts';
import { type Operation, operationOn } from '../../operation.ts';

const operation = operationOn<HttpContext>();

/** Common to both. */
const ofSettings = {
  path: '/agents/{agentId}/settings',
  tag: 'agents',
  access: 'agent',
  params: agentPath,
  responses: { 200: { description: 'The settings.', json: agentSettings, example } },
  codes: ['SESSION_NOT_FOUND', 'DATABASE_UNAVAILABLE'],
} satisfies Partial<Operation<HttpContext>>;

/** `GET` and `PATCH /agents/{agentId}/settings`. */
export function settingsOperations(toJid: ToJid): Operation<HttpContext>[] {
  return [
    operation({
      ...ofSettings,
      method: 'get',
      operationId: 'getSettings',
      summary: 'The settings of an agent',
      description: 'Null: the default of the environment.',
      run: async ({ system }, _input, res) => {
        const { agentId, userId } = agentOf(res);
        return system.ask(agentId, { type: 'settings.read', userId });
      },
    }),
    operation({
      ...ofSettings,
      method: 'patch',
      operationId: 'changeSettings',
      summary: 'Change settings of an agent',
      description: 'What is not named stays as it is; null restores the default. It applies at once.',
      body: settingsBody(toJid),
      readBody: ({ budgets }) => jsonBody(BODY_LIMITS.text, { budget: budgets.text }),
      run: async ({ system }, { body: changes }, res) => {
        const { agentId, userId } = agentOf(res);
        return system.ask(agentId, { type: 'settings.change', userId, changes, traceId: traceIdOf(res) });
      },
    }),
  ];
}
