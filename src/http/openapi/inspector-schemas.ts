import { z } from 'zod';
import 'zod-openapi';
import { AI_MEDIA, INBOUND_TYPES } from '../../actors/domain/settings.ts';
import { agentId } from './request-schemas.ts';
import { compatibility, moment, restriction, sessionStatus } from './response-schemas.ts';

// The inspector's API: what it is asked, and what it answers. The page reads it, and scripts may.

/** `GET /inspector/api/events`. */
export const inspectorEventsQuery = z.object({
  agentId: agentId.optional().meta({ description: 'One agent in detail; without it the rows of all.' }),
  after: z.coerce
    .number()
    .int()
    .min(0)
    .optional()
    .meta({ description: 'The `seq` of the last known record: later records are sent first.' }),
});

/** `GET /sessions/{agentId}/statechart`. */
export const statechartQuery = z.object({
  machine: z
    .enum(['agent', 'supervisor'])
    .default('agent')
    .meta({ description: 'Whose chart: the session itself, or the supervisor that restarts it.' }),
});

/** The header `Last-Event-ID` as a number; null when it is missing or none of ours. */
export function lastEventId(header: string | string[] | undefined): number | null {
  return typeof header === 'string' && /^\d{1,15}$/.test(header) ? Number(header) : null;
}

const path = z.string().meta({ description: 'A state of the chart.', example: 'connected.healthy' });
const edge = z.string().meta({
  description: '`source → target`, as on the chart.',
  example: 'connected.healthy → connected.probing',
});

const summary = {
  agentId,
  agentName: z.string(),
  userId: z.int(),
  status: sessionStatus,
  states: z.array(path).meta({ description: "Live states of the agent's machine." }),
  supervisorStates: z.array(path).meta({ description: "Live states of its supervisor's machine." }),
  since: moment.meta({ description: 'Since when the status holds.' }),
  reason: z.string().nullable(),
  mailbox: z.object({
    mode: z.enum(['closed', 'idle', 'sending', 'throttled']).meta({
      description:
        'What the agent’s dispatcher does: `closed` without a session, `throttled` without a token.',
    }),
    depth: z.int(),
    capacity: z.int(),
    tokens: z.number(),
  }),
  supervisor: z.object({
    restarts: z.int(),
    lastError: z.string().optional(),
    nextStartAt: moment.optional(),
  }),
  hasQr: z.boolean(),
  chats: z
    .object({ human: z.int(), closed: z.int() })
    .meta({ description: 'How many chats a person has, and how many are closed.' }),
  settings: z
    .object({
      inboundTypes: z.array(z.enum(INBOUND_TYPES)),
      aiMedia: z.enum(AI_MEDIA),
      debounceMs: z.int(),
      debounceMaxMs: z.int(),
      handoverMinutes: z.int(),
      ignored: z.int(),
      replyDelayMs: z.int(),
    })
    .meta({
      description: 'The settings in effect; of the ignore list its length, of the reply delay its maximum.',
    }),
  whatsapp: compatibility.nullable().meta({ description: 'The last self-check of its page.' }),
  restriction: restriction.nullable(),
};

const turn = z
  .object({
    chat: z.string().meta({ description: 'Of its number the last three digits.', example: '•••567@c.us' }),
    messages: z.int().meta({ description: 'How many the AI is asked about together.' }),
    phase: z.enum(['collecting', 'waiting', 'asking', 'answering']).meta({
      description:
        'It waits for more messages, for its turn, for the AI, or until its answer is written and stored.',
    }),
    since: moment,
    until: moment.optional().meta({ description: 'When it stops collecting, unless more comes.' }),
  })
  .meta({ id: 'InspectedTurn' });

const nextTransitions = z.array(
  z.object({
    event: z.string(),
    label: z.string().meta({ description: 'Event and guard in words.', example: 'after startLimit' }),
    edge,
  }),
);

const record = z
  .object({
    seq: z.int().meta({ description: 'Grows by one; restarts with the service.' }),
    at: z.int().meta({ description: 'Milliseconds since 1970.' }),
    machine: z.enum(['agent', 'supervisor']),
    event: z.string(),
    data: z
      .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
      .optional()
      .meta({ description: 'What of the event decided; never a secret, a phone number or a text.' }),
    eventless: z.literal(true).optional().meta({ description: 'Taken by itself, after the record before.' }),
    edges: z.array(edge).meta({ description: 'The transitions taken; none when the event was ignored.' }),
    ignored: z.boolean(),
    from: z.array(path),
    to: z.array(path),
    dwellMs: z.number().meta({ description: 'How long the states left had been held.' }),
    traceId: z.string().optional(),
  })
  .meta({ id: 'TransitionRecord' });

const hash = z.string().meta({ description: 'Of the running machine; the drawn chart carries the same.' });

export const inspectedAgents = z
  .object({
    charts: z.object({ agent: hash, supervisor: hash }),
    driver: z.string().optional(),
    hasLogin: z.boolean().meta({ description: 'Browsers log in here: `SESSIONS_TOKEN` is set.' }),
    agents: z.array(z.object(summary).meta({ id: 'InspectedRow' })),
  })
  .meta({ id: 'InspectedAgents' });

export const inspectedAgent = z
  .object({
    ...summary,
    qr: z
      .object({
        code: z.string(),
        issuedAt: moment,
        expiresAt: moment
          .nullable()
          .meta({ description: 'When it is replaced or withdrawn, at the latest.' }),
      })
      .nullable()
      .meta({ description: 'The code to scan now, if there is one.' }),
    turns: z
      .object({ count: z.int(), first: z.array(turn).meta({ description: 'The oldest fifty.' }) })
      .meta({ description: 'The chats whose messages are being answered.' }),
    next: z
      .object({ agent: nextTransitions, supervisor: nextTransitions })
      .meta({ description: 'What can happen next.' }),
    history: z.array(record).meta({ description: 'The newest 200 records, oldest first.' }),
  })
  .meta({ id: 'InspectedAgent' });
