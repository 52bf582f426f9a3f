import type { Delivery } from '../../../actors/domain/ports/webhooks.ts';
import type { HttpContext } from '../../context.ts';
import { agentOf } from '../../middleware/agent-auth.ts';
import { BODY_LIMITS, jsonBody } from '../../middleware/json-body.ts';
import * as examples from '../../openapi/examples.ts';
import {
  agentPath,
  deliveriesQuery,
  deliveryPath,
  webhookBody,
  webhookChange,
  webhookPath,
} from '../../openapi/request-schemas.ts';
import {
  changedWebhook,
  createdWebhook,
  deliveryList,
  webhookDelivery,
  webhookDetails,
  webhookList,
  webhookTest,
  webhookVerification,
} from '../../openapi/response-schemas.ts';
import { type Operation, operationOn } from '../../operation.ts';
import { sendAnswer } from '../../resource.ts';

const operation = operationOn<HttpContext>();

/** Common to all operations on webhooks. */
const ofWebhooks = {
  tag: 'agents',
  access: 'agent',
  codes: ['SESSION_NOT_FOUND', 'DATABASE_UNAVAILABLE'],
} satisfies Partial<Operation<HttpContext>>;

/** Common to those on one. */
const ofOne = {
  ...ofWebhooks,
  path: '/agents/{agentId}/webhooks/{id}',
  params: webhookPath,
  codes: ['SESSION_NOT_FOUND', 'NOT_FOUND', 'DATABASE_UNAVAILABLE'],
} satisfies Partial<Operation<HttpContext>>;

/** A delivery as its owner sees it. */
function deliveryJson({ id, type, at, sequence, status, attempts, error, data }: Delivery) {
  return { id, type, at, sequence, status, attempts, error, data };
}

/** `/agents/{agentId}/webhooks` and what is below it. */
export const webhookOperations: Operation<HttpContext>[] = [
  operation({
    ...ofWebhooks,
    method: 'get',
    path: '/agents/{agentId}/webhooks',
    operationId: 'listWebhooks',
    summary: 'The webhooks of an agent',
    params: agentPath,
    responses: { 200: { description: 'The webhooks.', json: webhookList, example: examples.webhookList } },
    run: async ({ webhooks }, _input, res) => ({ webhooks: await webhooks.list(agentOf(res)) }),
  }),
  operation({
    ...ofWebhooks,
    method: 'post',
    path: '/agents/{agentId}/webhooks',
    operationId: 'createWebhook',
    summary: 'Create a webhook',
    description:
      'Each event is posted to the URL, at least once and in order; docs/webhooks.md describes the requests and how to ' +
      'verify them. An agent has at most 10 webhooks.',
    params: agentPath,
    body: webhookBody,
    readBody: ({ budgets }) => jsonBody(BODY_LIMITS.sessions, { budget: budgets.text }),
    responses: {
      201: {
        description: 'Created. What is secret of it is not shown again.',
        json: createdWebhook,
        example: examples.createdWebhook,
        headers: {
          Location: {
            description: 'The webhook.',
            required: true,
            example: `/agents/support-bot/webhooks/${examples.webhook.id}`,
          },
        },
      },
    },
    run: async ({ webhooks }, { body }, res) => {
      const agent = agentOf(res);
      const created = await webhooks.create(agent, body);
      const headers = { Location: `/agents/${agent.agentId}/webhooks/${created.id}` };
      sendAnswer(res, { status: 201, headers, body: created });
    },
  }),
  operation({
    ...ofOne,
    method: 'get',
    operationId: 'getWebhook',
    summary: 'A webhook',
    responses: { 200: { description: 'The webhook.', json: webhookDetails, example: examples.webhook } },
    run: async ({ webhooks }, { params: { id } }, res) => webhooks.find(agentOf(res), id),
  }),
  operation({
    ...ofOne,
    method: 'patch',
    operationId: 'changeWebhook',
    summary: 'Change a webhook',
    description:
      'What is not named stays as it is. What waits is delivered to the new URL and signed with the new secret, at once.',
    body: webhookChange,
    readBody: ({ budgets }) => jsonBody(BODY_LIMITS.sessions, { budget: budgets.text }),
    responses: {
      200: { description: 'The webhook as it is now.', json: changedWebhook, example: examples.webhook },
    },
    run: async ({ webhooks }, { params: { id }, body }, res) => webhooks.change(agentOf(res), id, body),
  }),
  operation({
    ...ofOne,
    method: 'delete',
    operationId: 'deleteWebhook',
    summary: 'Delete a webhook',
    description: 'What waits for it is deleted, too.',
    responses: { 204: { description: 'Deleted.' } },
    run: async ({ webhooks }, { params: { id } }, res) => {
      await webhooks.remove(agentOf(res), id);
      res.status(204).end();
    },
  }),
  operation({
    ...ofOne,
    method: 'post',
    path: '/agents/{agentId}/webhooks/{id}/test',
    operationId: 'testWebhook',
    summary: 'Post a test event to a webhook',
    description:
      'An event of the type `webhook.test` with the sequence 0, once and at once, whatever waits. The answer says ' +
      'whether it was delivered.',
    responses: {
      200: { description: 'What became of it.', json: webhookTest, example: examples.webhookTest },
    },
    run: async ({ webhooks }, { params: { id } }, res) => webhooks.test(agentOf(res), id),
  }),
  operation({
    ...ofOne,
    method: 'post',
    path: '/agents/{agentId}/webhooks/{id}/verify',
    operationId: 'verifyWebhook',
    summary: 'Repeat the handshake with a receiver',
    description:
      'Of the format `cloud`: a `GET` with `hub.mode`, `hub.challenge` and `hub.verify_token`, which has to be answered ' +
      'with the challenge. Until it has succeeded nothing is recorded for the webhook, and nothing is delivered.',
    responses: {
      200: { description: 'What became of it.', json: webhookVerification, example: { verified: true } },
    },
    run: async ({ webhooks }, { params: { id } }, res) => webhooks.verify(agentOf(res), id),
  }),
  operation({
    ...ofOne,
    method: 'get',
    path: '/agents/{agentId}/webhooks/{id}/deliveries',
    operationId: 'listDeliveries',
    summary: 'The events that wait for a webhook, or were given up',
    description: 'The newest first.',
    query: deliveriesQuery,
    responses: {
      200: { description: 'A page of events.', json: deliveryList, example: examples.deliveryList },
    },
    run: async ({ webhooks }, { params: { id }, query }, res) => {
      const page = await webhooks.deliveries(agentOf(res), id, { ...query, limit: query.limit + 1 });
      const deliveries = page.slice(0, query.limit);
      const next = page.length > query.limit ? deliveries.at(-1)?.position : undefined;
      return { deliveries: deliveries.map(deliveryJson), next };
    },
  }),
  operation({
    ...ofOne,
    method: 'post',
    path: '/agents/{agentId}/webhooks/{id}/deliveries/{deliveryId}/retry',
    operationId: 'retryDelivery',
    summary: 'Deliver an event that was given up',
    description:
      'It waits again, before the newer ones, and is tried at once. While the receiver fails it is given up after as ' +
      'long as a new one. An event that waits already is tried at once.',
    params: deliveryPath,
    responses: {
      200: {
        description: 'The event, which waits.',
        json: webhookDelivery,
        example: { ...examples.webhookDelivery, status: 'waiting' },
      },
    },
    run: async ({ webhooks }, { params: { id, deliveryId } }, res) =>
      deliveryJson(await webhooks.redrive(agentOf(res), id, deliveryId)),
  }),
];
