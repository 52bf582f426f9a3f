import { z } from 'zod';
import type { Jid } from '../../actors/domain/identity.ts';
import type { Operation } from '../../http/operation.ts';
import type { SandboxNetwork } from '../network/network.ts';
import { toJid } from '../network/world.ts';
import * as answers from './answer-schemas.ts';
import { CHAT, GROUP, MESSAGES_QUERY, PERSON } from './bodies.ts';
import { type Control, operation } from './control.ts';

/** The account of a number that has been named before; looking makes none. */
function existing(network: SandboxNetwork, number: string): Jid | undefined {
  const jid = toJid(number);
  return network.accounts().find(({ pn, lid }) => pn === jid || lid === jid)?.pn;
}

/** The people of the network and what is on their phones, customers and bots alike; and the groups they are in. */
export const peopleOperations: Operation<Control>[] = [
  operation({
    method: 'get',
    path: '/people',
    operationId: 'listPeople',
    summary: 'Everybody who was ever named, bots included',
    tag: 'people',
    answer: { json: z.array(answers.account) },
    run: ({ network }) => network.accounts(),
  }),
  operation({
    method: 'get',
    path: '/people/{number}/chats',
    operationId: 'listChatsOf',
    summary: "The chats on somebody's phone",
    tag: 'people',
    params: PERSON,
    answer: { json: z.array(answers.chat) },
    run: ({ network }, { number }) => {
      const pn = existing(network, number);
      return pn ? network.chats(pn) : [];
    },
  }),
  operation({
    method: 'get',
    path: '/people/{number}/messages',
    operationId: 'listMessagesOf',
    summary: "The newest messages on somebody's phone, oldest first",
    tag: 'people',
    params: PERSON,
    query: MESSAGES_QUERY,
    answer: { json: z.array(answers.message) },
    run: ({ network }, { number, chat, limit }) => {
      const pn = existing(network, number);
      return pn ? network.messages(pn, chat, limit) : [];
    },
  }),
  operation({
    method: 'post',
    path: '/people/{number}/read',
    operationId: 'readChatOf',
    summary: 'Somebody reads a chat on their phone',
    tag: 'people',
    params: PERSON,
    body: CHAT,
    answer: { json: answers.done },
    run: ({ network }, { number, chat }) => {
      const pn = existing(network, number);
      if (pn) network.read(pn, chat);
      return { ok: true };
    },
  }),
  operation({
    method: 'get',
    path: '/groups',
    operationId: 'listGroups',
    summary: 'All groups',
    tag: 'people',
    answer: { json: z.array(answers.group) },
    run: ({ network }) => network.groups(),
  }),
  operation({
    method: 'post',
    path: '/groups',
    operationId: 'saveGroup',
    summary: 'Makes a group, or gives one another name and other members',
    tag: 'people',
    body: GROUP,
    answer: { json: answers.group },
    codes: ['NOT_FOUND'],
    run: ({ network }, group) => network.group(group),
  }),
];
