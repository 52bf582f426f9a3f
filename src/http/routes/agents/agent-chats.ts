import type { ChatView } from '../../../actors/domain/chats.ts';
import type { ToJid } from '../../../infra/content-schemas.ts';
import type { HttpContext } from '../../context.ts';
import { agentOf } from '../../middleware/agent-auth.ts';
import { BODY_LIMITS, jsonBody } from '../../middleware/json-body.ts';
import { traceIdOf } from '../../middleware/trace.ts';
import * as examples from '../../openapi/examples.ts';
import { agentPath, chatModeBody, chatPath, chatsQuery } from '../../openapi/request-schemas.ts';
import { chatDetails, chatList } from '../../openapi/response-schemas.ts';
import { type Operation, operationOn } from '../../operation.ts';

const operation = operationOn<HttpContext>();

/** Common to all operations on chats. */
const ofChats = {
  tag: 'agents',
  access: 'agent',
  codes: ['SESSION_NOT_FOUND', 'DATABASE_UNAVAILABLE'],
} satisfies Partial<Operation<HttpContext>>;

/** A chat with its times as ISO. */
function chatJson({ chatId, mode, since, until }: ChatView) {
  return {
    chatId,
    mode,
    since: since === undefined ? undefined : new Date(since),
    until: until === undefined ? undefined : new Date(until),
  };
}

/** `GET /agents/{agentId}/chats`, and `GET` and `PUT …/chats/{chatId}`. */
export function chatOperations(toJid: ToJid): Operation<HttpContext>[] {
  return [
    operation({
      ...ofChats,
      method: 'get',
      path: '/agents/{agentId}/chats',
      operationId: 'listChats',
      summary: 'The chats that the bot does not answer',
      description:
        '`mode` is required for now: chats that the bot answers are not stored. The newest change first.',
      params: agentPath,
      query: chatsQuery,
      responses: { 200: { description: 'The chats.', json: chatList, example: examples.chatList } },
      run: async ({ system }, { query: { mode } }, res) => {
        const { agentId, userId } = agentOf(res);
        const chats = await system.ask(agentId, { type: 'chats.list', userId, mode });
        return { chats: chats.map(chatJson) };
      },
    }),
    operation({
      ...ofChats,
      method: 'get',
      path: '/agents/{agentId}/chats/{chatId}',
      operationId: 'getChat',
      summary: 'Who answers a chat',
      description: 'A chat that was never seen is `bot`. A person is one chat, by number and by LID.',
      params: chatPath(toJid),
      responses: { 200: { description: 'The chat.', json: chatDetails, example: examples.chat } },
      run: async ({ system }, { params: { chatId } }, res) => {
        const { agentId, userId } = agentOf(res);
        return chatJson(await system.ask(agentId, { type: 'chat.find', userId, chatId }));
      },
    }),
    operation({
      ...ofChats,
      method: 'put',
      path: '/agents/{agentId}/chats/{chatId}',
      operationId: 'setChatMode',
      summary: 'Hand a chat to a person, close it, or give it back to the bot',
      description:
        'In `human` and `closed` nothing is asked of the AI, and nothing of it is sent: a turn in progress is ' +
        'dropped, and so is a reply that waits in the queue. Without `minutes` the mode holds until it is changed. ' +
        'Back in `bot`, the next request to the AI has `history`: at most 50 messages of what passed meanwhile.',
      params: chatPath(toJid),
      body: chatModeBody,
      readBody: ({ budgets }) => jsonBody(BODY_LIMITS.sessions, { budget: budgets.text }),
      responses: {
        200: { description: 'The chat as it is now.', json: chatDetails, example: examples.chat },
      },
      run: async ({ system }, { params: { chatId }, body }, res) => {
        const { agentId, userId } = agentOf(res);
        const change = { ...body, chatId, traceId: traceIdOf(res) };
        return chatJson(await system.ask(agentId, { type: 'chat.set_mode', userId, ...change }));
      },
    }),
  ];
}
