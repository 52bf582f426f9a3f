import type { Response } from 'express';
import type { Jid } from '../../../actors/domain/identity.ts';
import type { MessageEntry } from '../../../actors/domain/phone-chats.ts';
import type { ToJid } from '../../../infra/content-schemas.ts';
import type { HttpContext } from '../../context.ts';
import { agentOf } from '../../middleware/agent-auth.ts';
import { BODY_LIMITS, jsonBody } from '../../middleware/json-body.ts';
import * as examples from '../../openapi/examples.ts';
import {
  chatMessagePath,
  chatPath,
  contactPath,
  pageQuery,
  typingBody,
} from '../../openapi/request-schemas.ts';
import { contact, messagePage } from '../../openapi/response-schemas.ts';
import { type Operation, operationOn } from '../../operation.ts';
import { downloads, sendFile } from './stored-files.ts';

const operation = operationOn<HttpContext>();

/** The length of a page that names none. */
export const PAGE_LENGTH = 50;

/** Which page of a list. */
export interface PageRequest {
  limit: number;
  before?: string | undefined;
}

/** Common to all operations on what the phone has. */
const ofPhone = {
  tag: 'agents',
  access: 'agent',
  codes: ['SESSION_NOT_FOUND', 'SESSION_NOT_READY', 'NOT_FOUND', 'RATE_LIMITED', 'BAD_GATEWAY'],
} satisfies Partial<Operation<HttpContext>>;

/** A message with its time as ISO, and the address of its file below that of the chat's messages. */
function messageJson({ file, at, ...message }: MessageEntry, messages: string) {
  const url = `${messages}/${encodeURIComponent(message.id)}/file`;
  return { ...message, file: file && { ...file, url }, at: new Date(at) };
}

/** A page of the messages of a chat. */
export async function readMessages(
  { system, settings }: HttpContext,
  res: Response,
  chatId: Jid,
  page: PageRequest,
) {
  const { agentId, userId } = agentOf(res);
  const read = { type: 'chat.read_messages', userId, chatId, ...page } as const;
  const { messages, next } = await system.ask(agentId, read);
  const base = `${settings.APP_BASE_URL}/agents/${agentId}/chats/${encodeURIComponent(chatId)}/messages`;
  return { messages: messages.map((message) => messageJson(message, base)), next };
}

/** Whether a number is on WhatsApp, and whose it is. */
export async function findPerson({ system }: HttpContext, res: Response, jid: Jid) {
  const { agentId, userId } = agentOf(res);
  const person = await system.ask(agentId, { type: 'contact.find', userId, jid });
  return { exists: person !== null, ...person };
}

/** What is in a chat: messages, their files, and what the other side sees of us. */
export function chatMessageOperations(toJid: ToJid): Operation<HttpContext>[] {
  return [
    operation({
      ...ofPhone,
      method: 'get',
      path: '/agents/{agentId}/chats/{chatId}/messages',
      operationId: 'listChatMessages',
      summary: 'The messages of a chat',
      description:
        'As the phone has them, the newest first, a page at a time, without notes of the system. Older ones than ' +
        'WhatsApp Web has loaded are loaded.',
      params: chatPath(toJid),
      query: pageQuery,
      responses: {
        200: { description: 'A page of the messages.', json: messagePage, example: examples.messagePage },
      },
      codes: [...ofPhone.codes, 'DATABASE_UNAVAILABLE'],
      run: (context, { params: { chatId }, query: { limit = PAGE_LENGTH, before } }, res) =>
        readMessages(context, res, chatId, { limit, before }),
    }),
    operation({
      ...ofPhone,
      method: 'get',
      path: '/agents/{agentId}/chats/{chatId}/messages/{messageId}/file',
      operationId: 'getMessageFile',
      summary: 'Download the file of a message',
      description:
        'The first request fetches the file from WhatsApp into the store of files, within a minute; while it is kept ' +
        'there, others are answered from it.',
      params: chatMessagePath(toJid),
      responses: downloads,
      codes: [
        ...ofPhone.codes,
        'MEDIA_TOO_LARGE',
        'MEDIA_FETCH_FAILED',
        'RANGE_NOT_SATISFIABLE',
        'DATABASE_UNAVAILABLE',
      ],
      run: async ({ system }, { params: { chatId, messageId } }, res) => {
        const { agentId, userId } = agentOf(res);
        await sendFile(
          res,
          await system.ask(agentId, { type: 'chat.fetch_file', userId, chatId, messageId }),
        );
      },
    }),
    operation({
      ...ofPhone,
      method: 'post',
      path: '/agents/{agentId}/chats/{chatId}/read',
      operationId: 'markChatRead',
      summary: 'Mark a chat read',
      description: 'Its people get the receipts, unless the account has turned them off.',
      params: chatPath(toJid),
      responses: { 204: { description: 'Read.' } },
      run: async ({ system }, { params: { chatId } }, res) => {
        const { agentId, userId } = agentOf(res);
        await system.ask(agentId, { type: 'chat.mark_read', userId, chatId });
        res.status(204).end();
      },
    }),
    operation({
      ...ofPhone,
      method: 'post',
      path: '/agents/{agentId}/chats/{chatId}/typing',
      operationId: 'setTyping',
      summary: 'Show that the agent is typing, or no longer',
      description: 'WhatsApp drops it by itself after about 25 s, and when a message arrives.',
      params: chatPath(toJid),
      body: typingBody,
      readBody: ({ budgets }) => jsonBody(BODY_LIMITS.sessions, { budget: budgets.text }),
      responses: { 204: { description: 'Passed to WhatsApp.' } },
      codes: ['SESSION_NOT_FOUND', 'SESSION_NOT_READY', 'RATE_LIMITED', 'BAD_GATEWAY'],
      run: async ({ system }, { params: { chatId }, body: { typing } }, res) => {
        const { agentId, userId } = agentOf(res);
        await system.ask(agentId, { type: 'chat.set_typing', userId, chatId, typing });
        res.status(204).end();
      },
    }),
    operation({
      ...ofPhone,
      method: 'get',
      path: '/agents/{agentId}/contacts/{number}',
      operationId: 'findContact',
      summary: 'Whether a number is on WhatsApp',
      description: 'Asks WhatsApp, which limits look-ups: many of them look like a search for numbers.',
      params: contactPath(toJid),
      responses: {
        200: { description: 'The person, or that there is none.', json: contact, example: examples.contact },
      },
      codes: ['SESSION_NOT_FOUND', 'SESSION_NOT_READY', 'RATE_LIMITED', 'BAD_GATEWAY'],
      run: (context, { params: { number: jid } }, res) => findPerson(context, res, jid),
    }),
  ];
}
