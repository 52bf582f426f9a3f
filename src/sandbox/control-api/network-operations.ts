import { z } from 'zod';
import { dataHeaders } from '../../http/middleware/security-headers.ts';
import type { Operation } from '../../http/operation.ts';
import { EventStream } from '../../http/sse/event-stream.ts';
import type { AdvanceableClock } from '../network/advanceable-clock.ts';
import { FIXED_NUMBERS } from '../network/fixed-numbers.ts';
import * as schemas from '../network/schemas.ts';
import * as answers from './answer-schemas.ts';
import { CLOCK, MEDIA, NOTHING, RESET, SETTINGS, WIRE_QUERY } from './bodies.ts';
import { type Control, operation } from './control.ts';
import { resetSandbox, seedSandbox } from './demo.ts';
import { sendMedia } from './media-download.ts';
import { followNetwork } from './news.ts';
import { phonesOf } from './phones.ts';

/** The time of the whole service. */
function timeOf(clock: AdvanceableClock): z.output<typeof answers.clock> {
  return { now: new Date(clock.now()).toISOString(), advancedMs: Math.round(clock.advancedMs) };
}

/** Observation. */
const observation = [
  operation({
    method: 'get',
    path: '/numbers',
    operationId: 'listFixedNumbers',
    summary: 'The numbers with fixed behaviour',
    tag: 'network',
    answer: { json: z.array(answers.fixedNumber) },
    run: () => Object.entries(FIXED_NUMBERS).map(([jid, behaviour]) => ({ jid, ...behaviour })),
  }),
  operation({
    method: 'get',
    path: '/wire-log',
    operationId: 'getWireLog',
    summary: 'The newest thousand lines of what was transmitted, oldest first',
    tag: 'network',
    query: WIRE_QUERY,
    answer: { json: z.array(schemas.wireEntry) },
    run: ({ network }, { since }) => network.wireLog().filter((entry) => entry.seq > since),
  }),
  operation({
    method: 'get',
    path: '/media/{sha256}',
    operationId: 'getMedia',
    summary: 'One of the newest files of all chats, whole or in part',
    tag: 'network',
    params: MEDIA,
    before: () => [dataHeaders],
    answer: { type: '*/*' },
    responses: { 206: { description: 'The range that `Range` asks for.', types: { '*/*': null } } },
    codes: ['NOT_FOUND', 'RANGE_NOT_SATISFIABLE'],
    run: ({ network }, { sha256 }, res) => sendMedia(res, network.mediaFile(sha256)),
  }),
  operation({
    method: 'get',
    path: '/stream',
    operationId: 'streamNetwork',
    summary: 'Everything as it happens, as Server-Sent Events',
    tag: 'network',
    answer: { type: 'text/event-stream' },
    codes: ['SHUTTING_DOWN'],
    run: ({ network, agents, stopping }, _input, res) => {
      const stream = new EventStream(res, stopping);
      stream.onClose(followNetwork(network, agents, (news) => stream.send([{ event: 'news', data: news }])));
    },
  }),
];

const settings = [
  operation({
    method: 'get',
    path: '/settings',
    operationId: 'getSettings',
    summary: 'Settings of this WhatsApp: its page, linking, addresses, clock',
    tag: 'network',
    answer: { json: schemas.settings },
    run: ({ network }) => network.settings,
  }),
  operation({
    method: 'post',
    path: '/settings',
    operationId: 'changeSettings',
    summary: 'Changes settings; the others keep their values',
    tag: 'network',
    body: SETTINGS,
    answer: { json: schemas.settings },
    run: ({ network }, changes) => {
      network.configure(changes);
      return network.settings;
    },
  }),
];

/** Clock and state, for scripts. */
const script = [
  operation({
    method: 'get',
    path: '/clock',
    operationId: 'getClock',
    summary: 'The time of the service',
    tag: 'script',
    answer: { json: answers.clock },
    run: ({ network }) => timeOf(network.clock),
  }),
  operation({
    method: 'post',
    path: '/clock',
    operationId: 'advanceClock',
    summary: 'Advances the time of the whole service at once; timers that fall due fire',
    tag: 'script',
    body: CLOCK,
    answer: { json: answers.clock },
    run: async ({ network }, { advanceMs }) => {
      await network.clock.advance(advanceMs);
      return timeOf(network.clock);
    },
  }),
  operation({
    method: 'post',
    path: '/reset',
    operationId: 'reset',
    summary: 'Deletes all sessions and restarts with an empty network; the same seed gives the same ids',
    tag: 'script',
    body: RESET,
    answer: { json: answers.done },
    codes: ['DATABASE_UNAVAILABLE'],
    run: async (control, { seed }) => {
      await resetSandbox(control, seed);
    },
  }),
  operation({
    method: 'post',
    path: '/seed',
    operationId: 'seed',
    summary: 'Creates the demo: `cafe`, linked, `shop`, awaiting its scan, and customers; safe to repeat',
    tag: 'script',
    body: NOTHING,
    answer: { json: z.array(answers.phone) },
    codes: ['AGENT_ID_TAKEN', 'SESSION_START_FAILED', 'DATABASE_UNAVAILABLE'],
    run: async (control) => {
      await seedSandbox(control);
      return phonesOf(control.network, control.agents);
    },
  }),
];

export const networkOperations: Operation<Control>[] = [...observation, ...settings, ...script];
