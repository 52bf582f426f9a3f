import { createHash } from 'node:crypto';
import { z } from 'zod';
import { TEXTS } from '../../actors/domain/error-texts.ts';
import { GatewayError } from '../../actors/domain/errors.ts';
import type { Jid } from '../../actors/domain/identity.ts';
import type { Operation } from '../../http/operation.ts';
import type { SandboxNetwork } from '../network/network.ts';
import * as schemas from '../network/schemas.ts';
import type { Account } from '../network/types.ts';
import * as answers from './answer-schemas.ts';
import {
  AGENT,
  CALL,
  CHANNEL,
  CODE,
  EDIT,
  MESSAGE,
  MESSAGES_QUERY,
  NETWORK,
  NOTHING,
  PASSKEY,
  REACTION,
  READ,
  REVOKE,
  SCAN,
  STATUS,
  TYPING,
  VOTE,
} from './bodies.ts';
import { type Control, operation } from './control.ts';
import { chatWith, writeAsCustomer } from './customers.ts';
import { phonesOf } from './phones.ts';

/** Common to all operations on a linked phone. */
const ofPhone = {
  tag: 'phones',
  params: AGENT,
  codes: ['SESSION_NOT_FOUND', 'SESSION_NOT_READY', 'NOT_FOUND'],
} satisfies Partial<Operation<Control>>;

/** The default number of an agent's phone. */
export function defaultNumberOf(agentId: string): string {
  const digits = createHash('sha256').update(agentId).digest().readUInt32BE(0) % 10_000_000;
  return `628110${String(digits).padStart(7, '0')}`;
}

/** The account that an agent is linked to. @throws GatewayError SESSION_NOT_FOUND, SESSION_NOT_READY */
function linked({ network, agents }: Control, agentId: string): Account {
  const account = network.tokens.agents().find((agent) => agent.agentId === agentId)?.account;
  if (account) return account;
  if (agents.list().some((agent) => agent.agentId === agentId))
    throw new GatewayError('SESSION_NOT_READY', TEXTS.SESSION_NOT_READY.noPhone);
  throw new GatewayError('SESSION_NOT_FOUND', TEXTS.SESSION_NOT_FOUND.noAgent);
}

/** The chat of a customer with an agent, or a group. @throws GatewayError as `linked` */
function chatOf(control: Control, agentId: string, from: Jid, group: Jid | undefined): Jid {
  return chatWith(control.network, linked(control, agentId), from, group);
}

/** Restricts an account for `forMs`, or until ended. */
function restrict(network: SandboxNetwork, pn: Jid, to: z.output<typeof NETWORK>['restrict']): void {
  const until =
    to?.forMs === undefined ? {} : { until: network.clock.now() + network.settings.clockSkewMs + to.forMs };
  network.faults.restrict(pn, to ? { kind: to.kind, ...until } : null);
}

/** Applies the named faults, `restore` first. */
function applyFaults(network: SandboxNetwork, pn: Jid, faults: z.output<typeof NETWORK>): void {
  if (faults.restore) network.faults.restore(pn);
  if (faults.latencyMs !== undefined) network.faults.setLatency(pn, faults.latencyMs);
  if (faults.failureRate !== undefined) network.faults.setFailureRate(pn, faults.failureRate);
  if (faults.freeze !== undefined) network.faults.freeze(pn, faults.freeze);
  if (faults.drop !== undefined) network.faults.drop(pn, faults.drop === true ? undefined : faults.drop);
  if (faults.state !== undefined) network.faults.setState(pn, faults.state);
  if (faults.restrict !== undefined) restrict(network, pn, faults.restrict);
  if (faults.ban) network.faults.ban(pn);
  if (faults.crash) network.faults.crash(pn);
}

/** Linking: the phone's screen *Linked devices*. */
const linking = [
  operation({
    ...ofPhone,
    method: 'get',
    path: '/phones',
    operationId: 'listPhones',
    summary: 'All agents, their phones and lines',
    params: undefined,
    codes: [],
    answer: { json: z.array(answers.phone) },
    run: ({ network, agents }) => phonesOf(network, agents),
  }),
  operation({
    ...ofPhone,
    method: 'post',
    path: '/phones/{agentId}/scan',
    operationId: 'scanQr',
    summary: "Scans the agent's QR; an expired or used one is refused",
    body: SCAN,
    answer: { json: z.strictObject({ account: schemas.account }) },
    run: ({ network, agents }, { agentId, number, name, qr }) => {
      const code = qr ?? agents.qr(agentId).code;
      const { pn } = network.account(number ?? defaultNumberOf(agentId), name ? { name } : {});
      return { account: network.scan(code, pn) };
    },
  }),
  operation({
    ...ofPhone,
    method: 'post',
    path: '/phones/{agentId}/code',
    operationId: 'enterCode',
    summary: 'Types a pairing code into the phone; a wrong or expired one is refused',
    body: CODE,
    answer: { json: z.strictObject({ account: schemas.account }) },
    run: ({ network }, { agentId, number, name, code }) => {
      const { pn } = network.account(number ?? defaultNumberOf(agentId), name ? { name } : {});
      return { account: network.enterCode(pn, code) };
    },
  }),
  operation({
    ...ofPhone,
    method: 'post',
    path: '/phones/{agentId}/passkey',
    operationId: 'signPasskey',
    summary: 'Signs with the passkey on the phone, for `POST /sessions/{agentId}/passkey`',
    body: PASSKEY,
    answer: { json: answers.assertion },
    run: ({ network }, { agentId, number }) => network.signPasskey(number ?? defaultNumberOf(agentId)),
  }),
  operation({
    ...ofPhone,
    method: 'post',
    path: '/phones/{agentId}/refuse',
    operationId: 'refuseQr',
    summary: 'The person declines on the phone',
    body: NOTHING,
    answer: { json: answers.done },
    run: ({ network, agents }, { agentId }) => network.refuse(agents.qr(agentId).code),
  }),
  operation({
    ...ofPhone,
    method: 'post',
    path: '/phones/{agentId}/unlink',
    operationId: 'unlinkPhone',
    summary: 'Logs out on the phone',
    body: NOTHING,
    answer: { json: answers.done },
    run: (control, { agentId }) => control.network.unlink(linked(control, agentId).pn),
  }),
];

/** What customers do in the agent's chats. */
const chatting = [
  operation({
    ...ofPhone,
    method: 'post',
    path: '/phones/{agentId}/messages',
    operationId: 'writeAsCustomer',
    summary: 'A customer writes to the agent, directly or in a group',
    body: MESSAGE,
    answer: { json: schemas.message },
    run: (control, { agentId, ...message }) =>
      writeAsCustomer(control.network, linked(control, agentId), message),
  }),
  operation({
    ...ofPhone,
    method: 'post',
    path: '/phones/{agentId}/edit',
    operationId: 'editAsCustomer',
    summary: 'A customer changes the text of a message',
    body: EDIT,
    answer: { json: schemas.message },
    run: (control, { agentId, from, messageId, text }) => {
      linked(control, agentId);
      return control.network.edit(from, messageId, text);
    },
  }),
  operation({
    ...ofPhone,
    method: 'post',
    path: '/phones/{agentId}/revoke',
    operationId: 'revokeAsCustomer',
    summary: 'A customer deletes a message for everyone',
    body: REVOKE,
    answer: { json: schemas.message },
    run: (control, { agentId, from, messageId }) => {
      linked(control, agentId);
      return control.network.revoke(from, messageId);
    },
  }),
  operation({
    ...ofPhone,
    method: 'post',
    path: '/phones/{agentId}/react',
    operationId: 'reactAsCustomer',
    summary: 'A customer reacts to a message, or takes the reaction back',
    body: REACTION,
    answer: { json: schemas.message },
    run: (control, { agentId, from, messageId, emoji }) => {
      linked(control, agentId);
      return control.network.react(from, messageId, emoji);
    },
  }),
  operation({
    ...ofPhone,
    method: 'post',
    path: '/phones/{agentId}/call',
    operationId: 'callAsCustomer',
    summary: 'A customer calls the agent, directly or in a group',
    body: CALL,
    answer: { json: schemas.call },
    run: (control, { agentId, from, isVideo, group }) =>
      control.network.call(from, chatOf(control, agentId, from, group), isVideo),
  }),
  operation({
    ...ofPhone,
    method: 'post',
    path: '/phones/{agentId}/vote',
    operationId: 'voteAsCustomer',
    summary: 'A customer votes in a poll, in place of an earlier vote',
    body: VOTE,
    answer: { json: schemas.message },
    run: (control, { agentId, from, messageId, options }) => {
      linked(control, agentId);
      return control.network.vote(from, messageId, options);
    },
  }),
  operation({
    ...ofPhone,
    method: 'post',
    path: '/phones/{agentId}/status',
    operationId: 'postStatus',
    summary: 'A customer posts a status, which the agent must not answer',
    body: STATUS,
    answer: { json: schemas.message },
    run: (control, { agentId, from, text }) =>
      control.network.postStatus(from, linked(control, agentId).pn, text),
  }),
  operation({
    ...ofPhone,
    method: 'post',
    path: '/phones/{agentId}/channel',
    operationId: 'postInChannel',
    summary: 'A channel that the agent follows posts',
    body: CHANNEL,
    answer: { json: schemas.message },
    run: (control, { agentId, channel, text }) =>
      control.network.postChannel(channel, linked(control, agentId).pn, text),
  }),
  operation({
    ...ofPhone,
    method: 'post',
    path: '/phones/{agentId}/read',
    operationId: 'readAsCustomer',
    summary: 'A customer reads what the agent wrote',
    body: READ,
    answer: { json: answers.done },
    run: (control, { agentId, from, group }) =>
      control.network.read(from, chatOf(control, agentId, from, group)),
  }),
  operation({
    ...ofPhone,
    method: 'post',
    path: '/phones/{agentId}/typing',
    operationId: 'typeAsCustomer',
    summary: 'A customer types, or stops',
    body: TYPING,
    answer: { json: answers.done },
    run: (control, { agentId, from, typing, group }) =>
      control.network.type(from, chatOf(control, agentId, from, group), typing),
  }),
];

/** The phone itself: its connection and its content. */
const phone = [
  operation({
    ...ofPhone,
    method: 'post',
    path: '/phones/{agentId}/network',
    operationId: 'breakNetwork',
    summary: 'Breaks and mends the line of the phone',
    body: NETWORK,
    answer: { json: schemas.line },
    run: (control, { agentId, ...faults }) => {
      const { pn } = linked(control, agentId);
      applyFaults(control.network, pn, faults);
      return control.network.faults.view(pn);
    },
  }),
  operation({
    ...ofPhone,
    method: 'get',
    path: '/phones/{agentId}/chats',
    operationId: 'listChats',
    summary: "The chats on the agent's phone",
    answer: { json: z.array(schemas.chat) },
    run: (control, { agentId }) => control.network.chats(linked(control, agentId).pn),
  }),
  operation({
    ...ofPhone,
    method: 'get',
    path: '/phones/{agentId}/messages',
    operationId: 'listMessages',
    summary: "The newest messages on the agent's phone, oldest first",
    query: MESSAGES_QUERY,
    answer: { json: z.array(schemas.message) },
    run: (control, { agentId, chat, limit }) =>
      control.network.messages(linked(control, agentId).pn, chat, limit),
  }),
];

export const phoneOperations: Operation<Control>[] = [...linking, ...chatting, ...phone];
