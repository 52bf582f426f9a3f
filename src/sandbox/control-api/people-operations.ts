import { z } from 'zod';
import type { Jid } from '../../actors/domain/identity.ts';
import type { Operation } from '../../http/operation.ts';
import type { SandboxNetwork } from '../network/network.ts';
import * as schemas from '../network/schemas.ts';
import { toJid } from '../network/world.ts';
import * as answers from './answer-schemas.ts';
import { CHAT, GROUP, MESSAGES_QUERY, NOTE, PERSON } from './bodies.ts';
import { type Control, operation } from './control.ts';

/** The account of a number, if it was ever named: unlike other look-ups this creates none. */
function existing(network: SandboxNetwork, number: string): Jid | undefined {
  const jid = toJid(number);
  return network.accounts().find(({ pn, lid }) => pn === jid || lid === jid)?.pn;
}

/** People of the network, bots included, with their phones and groups. */
export const peopleOperations: Operation<Control>[] = [
  operation({
    method: 'get',
    path: '/people',
    operationId: 'listPeople',
    summary: 'All people who were ever named, bots included',
    tag: 'people',
    answer: { json: z.array(schemas.account) },
    run: ({ network }) => network.accounts(),
  }),
  operation({
    method: 'get',
    path: '/people/{number}/chats',
    operationId: 'listChatsOf',
    summary: "The chats on a person's phone",
    tag: 'people',
    params: PERSON,
    answer: { json: z.array(schemas.chat) },
    run: ({ network }, { number }) => {
      const pn = existing(network, number);
      return pn ? network.chats(pn) : [];
    },
  }),
  operation({
    method: 'get',
    path: '/people/{number}/messages',
    operationId: 'listMessagesOf',
    summary: "The newest messages on a person's phone, oldest first",
    tag: 'people',
    params: PERSON,
    query: MESSAGES_QUERY,
    answer: { json: z.array(schemas.message) },
    run: ({ network }, { number, chat, limit }) => {
      const pn = existing(network, number);
      return pn ? network.messages(pn, chat, limit) : [];
    },
  }),
  operation({
    method: 'post',
    path: '/people/{number}/read',
    operationId: 'readChatOf',
    summary: 'A person reads a chat on their phone',
    tag: 'people',
    params: PERSON,
    body: CHAT,
    answer: { json: answers.done },
    run: ({ network }, { number, chat }) => {
      const pn = existing(network, number);
      if (pn) network.read(pn, chat);
    },
  }),
  operation({
    method: 'post',
    path: '/people/{number}/play',
    operationId: 'playNoteOf',
    summary: 'A person plays a voice note on their phone: its writer sees it as played',
    tag: 'people',
    params: PERSON,
    body: NOTE,
    answer: { json: answers.done },
    codes: ['NOT_FOUND'],
    run: ({ network }, { number, messageId }) => {
      const pn = existing(network, number);
      if (pn) network.play(pn, messageId);
    },
  }),
  operation({
    method: 'get',
    path: '/groups',
    operationId: 'listGroups',
    summary: 'All groups',
    tag: 'people',
    answer: { json: z.array(schemas.group) },
    run: ({ network }) => network.groups(),
  }),
  operation({
    method: 'post',
    path: '/groups',
    operationId: 'saveGroup',
    summary: 'Creates a group, or replaces the name and members of one',
    tag: 'people',
    body: GROUP,
    answer: { json: schemas.group },
    codes: ['NOT_FOUND'],
    run: ({ network }, group) => network.group(group),
  }),
];
