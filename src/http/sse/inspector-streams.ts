import type { TransitionRecord } from '../../actors/domain/agent-view.ts';
import type { GatewayApi } from '../../actors/domain/gateway-api.ts';
import { detailOf, type Summary, summaryOf } from '../routes/inspector-views.ts';
import { Coalesced } from './coalesced.ts';
import type { EventStream, SentEvent } from './event-stream.ts';

/** At most ten frames a second for each viewer. */
const FRAME_MS = 100;
/** How often it is looked whether something changed without an event. */
const LOOK_AGAIN_MS = 1_000;

/** Everything after which an agent may look different; all begin with the agent's id or carry it. */
const CHANGES = [
  ...(['transition', 'state', 'qr', 'mailbox', 'restart', 'added'] as const),
  ...(['compatibility', 'restriction'] as const),
];

/** Calls back with the id of each agent that may have changed, or is gone, until it is released. */
function watch(
  system: GatewayApi,
  viewer: { changed(agentId: string): void; removed(agentId: string): void },
): () => void {
  const changed = (...[change]: [string | { agentId: string }, ...unknown[]]) =>
    viewer.changed(typeof change === 'string' ? change : change.agentId);
  const removed = (agentId: string) => viewer.removed(agentId);
  for (const name of CHANGES) system.events.on(name, changed);
  system.events.on('removed', removed);
  return () => {
    for (const name of CHANGES) system.events.off(name, changed);
    system.events.off('removed', removed);
  };
}

/**
 * All agents for one viewer: first `agents` with all of them (`complete: true`), then `agents` with those that
 * changed, and `removed`.
 */
export function streamAgents(system: GatewayApi, stream: EventStream): void {
  const changed = new Set<string>();
  const removed = new Set<string>();
  /** The last row sent of each agent that may change without an event: tokens are refilled. */
  const filling = new Map<string, string>();

  /** Remembers a row as sent. */
  const sending = (row: Summary) => {
    filling.set(row.agentId, JSON.stringify(row));
    return row;
  };
  /** The agent's row, unless it equals the last one sent. */
  const rowOf = (agentId: string) => {
    const agent = viewOf(system, agentId);
    if (!agent) return [];
    const row = summaryOf(agent);
    if (filling.get(agentId) !== JSON.stringify(row)) return [sending(row)];
    filling.delete(agentId);
    return [];
  };
  const frame = new Coalesced(() => {
    const sent: SentEvent[] = [...removed].map((agentId) => ({ event: 'removed', data: { agentId } }));
    const agents = [...changed].flatMap(rowOf);
    if (agents.length > 0) sent.push({ event: 'agents', data: { agents, complete: false } });
    changed.clear();
    removed.clear();
    stream.send(sent);
  }, FRAME_MS);

  const again = setInterval(() => {
    for (const agentId of filling.keys()) changed.add(agentId);
    if (changed.size > 0) frame.due();
  }, LOOK_AGAIN_MS);
  const release = watch(system, {
    changed: (agentId) => {
      changed.add(agentId);
      frame.due();
    },
    removed: (agentId) => {
      changed.delete(agentId);
      filling.delete(agentId);
      removed.add(agentId);
      frame.due();
    },
  });
  stream.onClose(() => {
    release();
    clearInterval(again);
    frame.stop();
  });
  const agents = system.list().map((agent) => sending(summaryOf(agent)));
  stream.send([{ event: 'agents', data: { agents, complete: true } }]);
}

/**
 * One agent for one viewer: `agent` as it is now, `record` for each transition after `lastSeq` (none before the
 * stream began when that is null), `removed` and the end when it is deleted. A `lastSeq` that has not been reached
 * is from before a restart of the service: `reset` says so, and all records follow.
 *
 * @throws GatewayError `SESSION_NOT_FOUND`
 */
export function streamAgent(
  system: GatewayApi,
  agentId: string,
  lastSeq: number | null,
  stream: EventStream,
): void {
  const newest = system.history(agentId).at(-1)?.seq ?? 0;
  const isOfAnotherLife = lastSeq !== null && lastSeq > newest;
  let sentSeq = isOfAnotherLife ? 0 : (lastSeq ?? newest);
  let lastDetail = '';

  const frame = new Coalesced(() => {
    if (!viewOf(system, agentId)) return;
    const records = system.history(agentId).filter(({ seq }) => seq > sentSeq);
    sentSeq = records.at(-1)?.seq ?? sentSeq;
    const detail = detailOf(system, agentId);
    const text = JSON.stringify(detail);
    const sent: SentEvent[] = records.map(recordEvent);
    if (text !== lastDetail) sent.push({ event: 'agent', data: detail });
    lastDetail = text;
    stream.send(sent);
  }, FRAME_MS);

  const again = setInterval(() => frame.due(), LOOK_AGAIN_MS);
  const release = watch(system, {
    changed: (id) => {
      if (id === agentId) frame.due();
    },
    removed: (id) => {
      if (id !== agentId) return;
      stream.send([{ event: 'removed', data: { agentId } }]);
      stream.end();
    },
  });
  stream.onClose(() => {
    release();
    clearInterval(again);
    frame.stop();
  });
  if (isOfAnotherLife) stream.send([{ event: 'reset', data: { agentId } }]);
  frame.due();
}

/** A record as it is sent: its number is what a reader comes back with. */
function recordEvent(record: TransitionRecord): SentEvent {
  return { event: 'record', id: record.seq, data: record };
}

/** The agent, or undefined when it has just been deleted. */
function viewOf(system: GatewayApi, agentId: string) {
  try {
    return system.describe(agentId);
  } catch {
    return undefined;
  }
}
