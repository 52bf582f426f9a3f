import type { HttpContext } from '../context.ts';
import { BODY_LIMITS, jsonBody } from '../middleware/json-body.ts';
import { traceIdOf } from '../middleware/trace.ts';
import * as examples from '../openapi/examples.ts';
import { agentPath, createSessionBody } from '../openapi/request-schemas.ts';
import { deletedSession, sessionDetails, sessionList, startedSession } from '../openapi/response-schemas.ts';
import { type Operation, operationOn } from '../operation.ts';
import { sendAnswer } from '../resource.ts';
import { detailsBody, startAnswer, unlinkedField } from './session-views.ts';

const operation = operationOn<HttpContext>();
const session = { tag: 'sessions', access: 'operator' } as const;
const location = {
  Location: { description: 'The session.', required: true, example: '/sessions/support-bot' },
} as const;
const pending = {
  description: 'Neither QR nor readiness within `QR_WAIT_MS`.',
  json: startedSession,
  example: examples.pending,
  headers: location,
};

/** `/sessions` and `/sessions/{agentId}`: create, list, show, restart and delete agents. */
export const sessionOperations: Operation<HttpContext>[] = [
  operation({
    ...session,
    method: 'get',
    path: '/sessions',
    operationId: 'listSessions',
    summary: 'All agents with their live state',
    responses: {
      200: { description: 'All agents.', json: sessionList, example: { sessions: [examples.session] } },
    },
    run: ({ system, settings }) => ({
      sessions: system.list().map((agent) => detailsBody(agent, settings.APP_BASE_URL)),
    }),
  }),
  operation({
    ...session,
    method: 'post',
    path: '/sessions',
    operationId: 'createSession',
    summary: 'Create an agent, or start one that is not ready',
    description: 'Answers as soon as there is a QR, readiness or a failure. Two at once share one start.',
    body: createSessionBody,
    readBody: () => jsonBody(BODY_LIMITS.sessions),
    responses: {
      200: {
        description: 'Connected (without `qr`), or restarted.',
        json: startedSession,
        example: examples.connected,
      },
      201: {
        description: 'A new agent.',
        json: startedSession,
        example: examples.started,
        headers: location,
      },
      202: pending,
    },
    codes: [
      'AGENT_ID_TAKEN',
      'RATE_LIMITED',
      'SESSION_START_FAILED',
      'SHUTTING_DOWN',
      'DATABASE_UNAVAILABLE',
    ],
    run: async ({ system, settings, createLimits }, { body }, res) => {
      const { agentId, userId, agentName, apikey: apiKey } = body;
      const traceId = traceIdOf(res);
      const create = () =>
        system.ask(agentId, { type: 'session.create', userId, agentName, apiKey, traceId });
      const start = await createLimits.create(res.req, agentId, create);
      sendAnswer(res, startAnswer(start, settings.APP_BASE_URL));
    },
  }),
  operation({
    ...session,
    method: 'get',
    path: '/sessions/{agentId}',
    operationId: 'getSession',
    summary: 'One agent: stored status, live state, mailbox, restarts',
    params: agentPath,
    responses: { 200: { description: 'The agent.', json: sessionDetails, example: examples.session } },
    codes: ['SESSION_NOT_FOUND'],
    run: ({ system, settings }, { params: { agentId } }) =>
      detailsBody(system.describe(agentId), settings.APP_BASE_URL),
  }),
  operation({
    ...session,
    method: 'delete',
    path: '/sessions/{agentId}',
    operationId: 'deleteSession',
    summary: 'Log out, delete credentials and record',
    description:
      'Works in every state and is safe to repeat. Queued messages fail with `SESSION_NOT_FOUND`. A linked agent ' +
      'without a running client is started once more for the log-out; when that cannot be done within about a ' +
      'minute, the answer has `"unlinked": false`, and the device is to be removed on the phone.',
    params: agentPath,
    responses: {
      200: {
        description: 'Deleted.',
        json: deletedSession,
        example: { agentId: 'support-bot', deleted: true },
      },
    },
    codes: ['SESSION_NOT_FOUND', 'SHUTTING_DOWN', 'DATABASE_UNAVAILABLE'],
    run: async ({ system }, { params: { agentId } }, res) => {
      const traceId = traceIdOf(res);
      const { isUnlinked } = await system.ask(agentId, { type: 'session.remove', traceId });
      return { agentId, deleted: true, ...unlinkedField(isUnlinked) };
    },
  }),
  operation({
    ...session,
    method: 'post',
    path: '/sessions/{agentId}/reconnect',
    operationId: 'reconnectSession',
    summary: 'Log out, start again, answer with the new QR',
    description:
      'Works in every state. `"unlinked": false` says that the former device could not be unlinked and is to be ' +
      'removed on the phone.',
    params: agentPath,
    responses: {
      200: { description: 'Restarted.', json: startedSession, example: examples.started },
      202: pending,
    },
    codes: [
      'SESSION_NOT_FOUND',
      'RATE_LIMITED',
      'SESSION_START_FAILED',
      'SHUTTING_DOWN',
      'DATABASE_UNAVAILABLE',
    ],
    run: async ({ system, settings, createLimits }, { params: { agentId } }, res) => {
      const traceId = traceIdOf(res);
      const reconnect = () => system.ask(agentId, { type: 'session.reconnect', traceId });
      const start = await createLimits.restart(res.req, agentId, reconnect);
      sendAnswer(res, startAnswer(start, settings.APP_BASE_URL));
    },
  }),
];
