import { createHash } from 'node:crypto';
import express, { type Request, type Response, Router } from 'express';
import { fileTypeFromBuffer } from 'file-type';
import type { z } from 'zod';
import { type ErrorCode, GatewayError } from '../../../actors/errors.ts';
import type { Jid } from '../../../actors/ports.ts';
import {
  CHANNEL,
  CLOCK,
  MESSAGE,
  MESSAGES_QUERY,
  NETWORK,
  NOTHING,
  parse,
  READ,
  RESET,
  SCAN,
  STATUS,
  TYPING,
  WIRE_QUERY,
} from './control-schemas.ts';
import { FIXED_NUMBERS } from './fixed-numbers.ts';
import type { SandboxNetwork } from './network.ts';
import { peopleRoutes } from './people-routes.ts';
import { phonesOf, type SandboxAgents } from './phones.ts';
import { streamNetwork } from './stream.ts';
import { type Account, type RefusalReason, SandboxRefusal } from './types.ts';

/** What the control API needs of the service around it. */
export interface SandboxControlOptions {
  agents: SandboxAgents;
  /** Aborted when the service begins to stop: streams end. */
  stopping?: AbortSignal;
}

const REFUSALS: Record<RefusalReason, ErrorCode> = {
  EXPIRED_REF: 'SESSION_NOT_READY',
  ALREADY_SCANNED: 'SESSION_NOT_READY',
  UNKNOWN_REF: 'NOT_FOUND',
  UNKNOWN_CHAT: 'NOT_FOUND',
  UNKNOWN_QUOTE: 'NOT_FOUND',
  NOT_OPEN: 'SESSION_NOT_READY',
  CLOSED: 'SESSION_NOT_READY',
};

/** A refusal of the network as an answer: 404 or 409 with `details.reason`. */
function asProblem(thrown: unknown): unknown {
  if (!(thrown instanceof SandboxRefusal)) return thrown;
  const { reason, message } = thrown;
  return new GatewayError(REFUSALS[reason], message, { cause: thrown, details: { reason } });
}

/** The body of a request; none counts as `{}`. */
function bodyOf(req: Request): unknown {
  if (req.body !== undefined) return req.body;
  if (req.get('content-length') === undefined || req.get('content-length') === '0') return {};
  throw new GatewayError('UNSUPPORTED_MEDIA_TYPE', 'Send JSON with Content-Type: application/json.');
}

/** A route that takes a JSON body and answers 200 with what `run` returns. */
function action<T extends z.ZodType>(schema: T, run: (body: z.output<T>, agentId: string) => unknown) {
  return async (req: Request, res: Response) => {
    const body = parse(schema, bodyOf(req));
    const { agentId = '' } = req.params;
    try {
      res.json((await run(body, String(agentId))) ?? { ok: true });
    } catch (thrown) {
      throw asProblem(thrown);
    }
  };
}

/** The number that an agent's phone has when none is named. */
function numberOf(agentId: string): string {
  const digits = createHash('sha256').update(agentId).digest().readUInt32BE(0) % 10_000_000;
  return `628110${String(digits).padStart(7, '0')}`;
}

/** The account that an agent is linked to. @throws GatewayError SESSION_NOT_READY */
function linked(network: SandboxNetwork, agentId: string): Account {
  const account = network.agents().find((agent) => agent.agentId === agentId)?.account;
  if (account) return account;
  throw new GatewayError('SESSION_NOT_READY', 'This agent is not linked to a phone of the sandbox.');
}

/** A group by JID or by name; made, and joined by these members, as needed. */
function groupWith(network: SandboxNetwork, group: string, members: string[]): Jid {
  const found = network.groups().find(({ id, name }) => id === group || name === group);
  const id = found?.id ?? (group.endsWith('@g.us') ? group : undefined);
  const participants = new Set([...(found?.participants ?? []), ...members]);
  if (found && participants.size === found.participants.length) return found.id;
  return network.group({ id, name: found?.name ?? group, participants: [...participants] }).id;
}

/** Applies the named faults, `restore` first. */
function applyFaults(network: SandboxNetwork, pn: Jid, faults: z.output<typeof NETWORK>): void {
  if (faults.restore) network.restore(pn);
  if (faults.latencyMs !== undefined) network.setLatency(pn, faults.latencyMs);
  if (faults.failureRate !== undefined) network.setFailureRate(pn, faults.failureRate);
  if (faults.freeze !== undefined) network.freeze(pn, faults.freeze);
  if (faults.drop !== undefined) network.drop(pn, faults.drop === true ? undefined : faults.drop);
  if (faults.state !== undefined) network.setState(pn, faults.state);
  if (faults.crash) network.crash(pn);
}

/** A customer writes to the agent, directly or in a group; returns the message as the customer has it. */
function writeAsCustomer(network: SandboxNetwork, bot: Account, message: z.output<typeof MESSAGE>) {
  const { from, name, text, group, mention, image, quoteId, byLid } = message;
  const customer = network.account(from, {
    ...(name !== undefined && { name }),
    ...(byLid !== undefined && { addressedByLid: byLid }),
  });
  return network.write(customer.pn, {
    to: group === undefined ? bot.pn : groupWith(network, group, [bot.pn, customer.pn]),
    text,
    mentionedIds: mention ? [bot.addressedByLid ? bot.lid : bot.pn] : [],
    ...(image !== undefined && { image: { data: Buffer.from(image, 'base64'), mimetype: 'image/png' } }),
    quoteId,
  });
}

/** What is done with one phone: link, write, read, break. */
function phoneRoutes(network: SandboxNetwork, options: SandboxControlOptions): Router {
  const router = Router({ mergeParams: true });
  router.post(
    '/scan',
    action(SCAN, ({ number, name, qr }, agentId) => ({
      account: network.scan(
        qr ?? options.agents.qr(agentId).code,
        network.account(number ?? numberOf(agentId), name ? { name } : {}).pn,
      ),
    })),
  );
  router.post(
    '/refuse',
    action(NOTHING, (_body, agentId) => network.refuse(options.agents.qr(agentId).code)),
  );
  router.post(
    '/unlink',
    action(NOTHING, (_body, agentId) => network.unlink(linked(network, agentId).pn)),
  );
  router.post(
    '/messages',
    action(MESSAGE, (message, agentId) => writeAsCustomer(network, linked(network, agentId), message)),
  );
  router.post(
    '/status',
    action(STATUS, ({ from, text }, agentId) => network.postStatus(from, linked(network, agentId).pn, text)),
  );
  router.post(
    '/channel',
    action(CHANNEL, ({ channel, text }, agentId) =>
      network.postChannel(channel, linked(network, agentId).pn, text),
    ),
  );
  router.post(
    '/read',
    action(READ, ({ from, group }, agentId) =>
      network.read(from, chatWith(network, linked(network, agentId), from, group)),
    ),
  );
  router.post(
    '/typing',
    action(TYPING, ({ from, typing, group }, agentId) =>
      network.type(from, chatWith(network, linked(network, agentId), from, group), typing),
    ),
  );
  router.post(
    '/network',
    action(NETWORK, (faults, agentId) => {
      const { pn } = linked(network, agentId);
      applyFaults(network, pn, faults);
      return network.line(pn);
    }),
  );
  router.get('/chats', (req, res) => {
    res.json(network.chats(linked(network, agentIdOf(req)).pn));
  });
  router.get('/messages', (req, res) => {
    const { chat, limit } = parse(MESSAGES_QUERY, req.query);
    res.json(network.messages(linked(network, agentIdOf(req)).pn, chat, limit));
  });
  return router;
}

/** The agent that a path names. */
function agentIdOf(req: Request): string {
  return String(req.params.agentId);
}

/** The chat with the agent as its customer has it. */
function chatWith(network: SandboxNetwork, bot: Account, from: string, group: string | undefined): Jid {
  if (group !== undefined) return groupWith(network, group, [bot.pn, network.account(from).pn]);
  return bot.addressedByLid ? bot.lid : bot.pn;
}

/**
 * The control API of the simulated WhatsApp, to be mounted under `/sandbox`: every button of the phone page, for
 * integrators' own tests. JSON in, JSON out; refusals are `GatewayError`s passed to `next`.
 */
export function createSandboxControl(network: SandboxNetwork, options: SandboxControlOptions): Router {
  const router = Router();
  router.use(express.json({ limit: '15mb' }));
  router.use('/phones/:agentId', phoneRoutes(network, options));
  router.use(peopleRoutes(network));
  router.get('/phones', (_req, res) => {
    res.json(phonesOf(network, options.agents));
  });
  router.get('/stream', (_req, res) => {
    if (options.stopping?.aborted) throw new GatewayError('SHUTTING_DOWN', 'The service is stopping.');
    streamNetwork(network, options.agents, res, options.stopping);
  });
  router.get('/numbers', (_req, res) => {
    res.json(Object.entries(FIXED_NUMBERS).map(([jid, behaviour]) => ({ jid, ...behaviour })));
  });
  router.get('/wire-log', (req, res) => {
    const { since } = parse(WIRE_QUERY, req.query);
    res.json(network.wireLog().filter((entry) => entry.seq > since));
  });
  router.get('/images/:sha256', async (req, res) => {
    const bytes = network.mediaBytes(req.params.sha256);
    const type = bytes && (await fileTypeFromBuffer(bytes));
    if (!bytes || !type?.mime.startsWith('image/'))
      throw new GatewayError('NOT_FOUND', 'There is no such image.');
    res.type(type.mime).set('X-Content-Type-Options', 'nosniff').send(Buffer.from(bytes));
  });
  router.post(
    '/clock',
    action(CLOCK, ({ advanceMs }) => network.clock.advance(advanceMs)),
  );
  router.post(
    '/reset',
    action(RESET, ({ seed }) => network.reset(seed)),
  );
  return router;
}
