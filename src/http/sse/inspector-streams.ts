import type { GatewayApi } from '../../actors/domain/gateway-api.ts';
import type { GatewayEvents } from '../../actors/domain/gateway-events.ts';
import { subscribe } from '../../actors/domain/subscribe.ts';
import { detailOf, type Summary, summaryOf } from '../routes/inspector-views.ts';
import { Coalesced } from './coalesced.ts';
import type { EventStream, SentEvent } from './event-stream.ts';

/** At most ten frames a second for each viewer. */
const FRAME_MS = 100;
/** How often changes without an event are looked for: send tokens refill. */
const POLL_MS = 1_000;

/** Events after which an agent may look different. */
const CHANGES = [
  ...(['transition', 'state', 'qr', 'mailbox', 'restart', 'added'] as const),
  ...(['compatibility', 'restriction', 'chatMode', 'settings'] as const),
];

type Change = (typeof CHANGES)[number] | 'turns';

/** What a stream shows of the agents. The first three return true when a frame is due. */
interface View {
  changed(agentId: string): boolean;
  removed(agentId: string): boolean;
  polled(): boolean;
  /** Sends what is new. */
  frame(): void;
}

/** Runs a view until its stream closes; returns what requests a frame. */
function show(
  system: GatewayApi,
  stream: EventStream,
  view: View,
  changes: readonly Change[] = CHANGES,
): () => void {
  const frames = new Coalesced(() => view.frame(), FRAME_MS);
  const dueIf = (isDue: boolean) => {
    if (isDue) frames.due();
  };
  const changed = (change: string | { agentId: string }) =>
    dueIf(view.changed(typeof change === 'string' ? change : change.agentId));
  const listeners: Partial<GatewayEvents> = { removed: (agentId) => dueIf(view.removed(agentId)) };
  for (const name of changes) listeners[name] = changed;
  const poll = setInterval(() => dueIf(view.polled()), POLL_MS);
  const unsubscribe = subscribe(system.events, listeners);
  stream.onClose(() => {
    unsubscribe();
    clearInterval(poll);
    frames.stop();
  });
  return () => frames.due();
}

/**
 * All agents for one viewer: first `agents` with all of them (`complete: true`), then `agents` with those that
 * changed, and `removed`.
 */
export function streamAgents(system: GatewayApi, stream: EventStream): void {
  const changed = new Set<string>();
  const removed = new Set<string>();
  /** The last row sent of each agent that may change without an event. */
  const polled = new Map<string, string>();

  /** Records a row as sent. */
  const sending = (row: Summary) => {
    polled.set(row.agentId, JSON.stringify(row));
    return row;
  };
  /** The agent's row, unless it equals the last one sent. */
  const rowOf = (agentId: string) => {
    const agent = viewOf(system, agentId);
    if (!agent) return [];
    const row = summaryOf(agent);
    if (polled.get(agentId) !== JSON.stringify(row)) return [sending(row)];
    polled.delete(agentId);
    return [];
  };

  show(system, stream, {
    changed: (agentId) => {
      changed.add(agentId);
      return true;
    },
    removed: (agentId) => {
      changed.delete(agentId);
      polled.delete(agentId);
      removed.add(agentId);
      return true;
    },
    polled: () => {
      for (const agentId of polled.keys()) changed.add(agentId);
      return changed.size > 0;
    },
    frame: () => {
      const sent: SentEvent[] = [...removed].map((agentId) => ({ event: 'removed', data: { agentId } }));
      const agents = [...changed].flatMap(rowOf);
      if (agents.length > 0) sent.push({ event: 'agents', data: { agents, complete: false } });
      changed.clear();
      removed.clear();
      stream.send(sent);
    },
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
  const isReset = lastSeq !== null && lastSeq > newest;
  let sentSeq = isReset ? 0 : (lastSeq ?? newest);
  let lastDetail = '';

  const view: View = {
    changed: (id) => id === agentId,
    removed: (id) => {
      if (id === agentId) {
        stream.send([{ event: 'removed', data: { agentId } }]);
        stream.end();
      }
      return false;
    },
    polled: () => true,
    frame: () => {
      if (!viewOf(system, agentId)) return;
      const records = system.history(agentId).filter(({ seq }) => seq > sentSeq);
      sentSeq = records.at(-1)?.seq ?? sentSeq;
      const detail = detailOf(system, agentId);
      const text = JSON.stringify(detail);
      const sent: SentEvent[] = records.map((record) => ({ event: 'record', id: record.seq, data: record }));
      if (text !== lastDetail) sent.push({ event: 'agent', data: detail });
      lastDetail = text;
      stream.send(sent);
    },
  };
  const requestFrame = show(system, stream, view, [...CHANGES, 'turns']);
  if (isReset) stream.send([{ event: 'reset', data: { agentId } }]);
  requestFrame();
}

/** The agent, or undefined when it has just been deleted. */
function viewOf(system: GatewayApi, agentId: string) {
  try {
    return system.describe(agentId);
  } catch {
    return undefined;
  }
}
