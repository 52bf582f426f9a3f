import type { z } from 'zod';
import type { inspectedAgent, inspectedAgents } from '../../src/http/openapi/inspector-schemas.ts';

// The inspector's API, typed by the service's schemas: page and service are of the same build.

export type AgentList = z.output<typeof inspectedAgents>;
export type Summary = AgentList['agents'][number];
type WholeAgent = z.output<typeof inspectedAgent>;
/** One agent without its history, as the stream sends it. */
export type Detail = Omit<WholeAgent, 'history'>;
export type Transition = WholeAgent['history'][number];
export type Machine = Transition['machine'];
export type Next = Detail['next'];
/** Messages of a chat that are being answered. */
export type Turn = Detail['turns']['first'][number];

const API = '/inspector/api';
const DEADLINE_MS = 5_000;

/** Reads one response; null when there is no such agent. Reloads the page for the log-in form after a 401. */
async function read(path: string): Promise<Response | null> {
  const answer = await fetch(API + path, { signal: AbortSignal.timeout(DEADLINE_MS) });
  if (answer.status === 401) location.reload();
  if (answer.status === 404) return null;
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}`);
  return answer;
}

/** All agents, and whether the service is a sandbox. @throws when the service can't be reached */
export async function readAgents(): Promise<{ list: AgentList; isSandbox: boolean }> {
  const answer = await read('/agents');
  if (!answer) throw new Error('The service has no inspector.');
  const isSandbox = answer.headers.get('X-Sandbox') === 'true';
  return { list: (await answer.json()) as AgentList, isSandbox };
}

/** One agent with its history, oldest first; null when it doesn't exist. @throws when it can't be reached */
export async function readAgent(agentId: string): Promise<WholeAgent | null> {
  const answer = await read(`/agents/${encodeURIComponent(agentId)}`);
  return answer && ((await answer.json()) as WholeAgent);
}

/** The stream of all agents. */
export const AGENTS_STREAM = `${API}/events`;

/** The stream of one agent, from the record after `after`. */
export function agentStream(agentId: string, after: number): string {
  return `${API}/events?agentId=${encodeURIComponent(agentId)}&after=${after}`;
}
