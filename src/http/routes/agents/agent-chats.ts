import type { Response } from 'express';
import { z } from 'zod';
import type { ChatView } from '../../../actors/domain/chats.ts';
import type { ChatEntry } from '../../../actors/domain/phone-chats.ts';
import type { ToJid } from '../../../infra/content-schemas.ts';
import type { HttpContext } from '../../context.ts';
import { agentOf } from '../../middleware/agent-auth.ts';
import { BODY_LIMITS, jsonBody } from '../../middleware/json-body.ts';
import { traceIdOf } from '../../middleware/trace.ts';
import * as examples from '../../openapi/examples.ts';
import { agentPath, chatModeBody, chatPath, chatsQuery } from '../../openapi/request-schemas.ts';
import { chatDetails, chatList, chatPage } from '../../openapi/response-schemas.ts';
import { type Operation, operationOn } from '../../operation.ts';
import { PAGE_LENGTH, type PageRequest } from './chat-messages.ts';

const operation = operationOn<HttpContext>();

/** Common to all operations on chats. */
const ofChats = {
  tag: 'agents',
  access: 'agent',
  codes: ['SESSION_NOT_FOUND', 'DATABASE_UNAVAILABLE'],
} satisfies Partial<Operation<HttpContext>>;

/** A chat with its times as ISO. */
export function chatJson({ chatId, mode, since, until }: ChatView) {
  return {
    chatId,
    mode,
    since: since === undefined ? undefined : new Date(since),
    until: until === undefined ? undefined : new Date(until),
  };
}

/** A chat of the phone with its time as ISO. */
function entryJson({ lastMessage, ...chat }: ChatEntry) {
  return { ...chat, lastMessage: lastMessage && { ...lastMessage, at: new Date(lastMessage.at) } };
}

/** A page of the chats of the phone. */
export async function readChats({ system }: HttpContext, res: Response, page: PageRequest) {
  const { agentId, userId } = agentOf(res);
  const { chats, next } = await system.ask(agentId, { type: 'chats.read', userId, ...page });
  return { chats: chats.map(entryJson), next };
}

/** `GET /agents/{agentId}/chats`, and `GET` and `PUT …/chats/{chatId}`. */
export function chatOperations(toJid: ToJid): Operation<HttpContext>[] {
  return [
    operation({
      ...ofChats,
      method: 'get',
      path: '/agents/{agentId}/chats',
      operationId: 'listChats',
      summary: 'The chats of the phone, or those that the bot does not answer',
      description:
        'As the phone has them, the newest first, a page at a time: every chat once, also when messages arrive ' +
        'meanwhile. With `mode`, instead, the chats with that mode, as this service has stored them: all at once, ' +
        'the newest change first, and whether the agent is connected or not.',
      params: agentPath,
      query: chatsQuery,
      responses: {
        200: {
          description: 'A page of the chats; with `mode`, the chats.',
          json: z.union([chatPage, chatList]),
          example: examples.chatPage,
        },
      },
      codes: [...ofChats.codes, 'SESSION_NOT_READY', 'RATE_LIMITED', 'BAD_GATEWAY'],
      run: async (context, { query: { mode, limit = PAGE_LENGTH, before } }, res) => {
        if (!mode) return readChats(context, res, { limit, before });
        const { agentId, userId } = agentOf(res);
        const chats = await context.system.ask(agentId, { type: 'chats.list', userId, mode });
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
