import { randomBytes } from 'node:crypto';
import { GatewayError } from '../../actors/domain/errors.ts';
import { withTimeout } from '../../actors/domain/timeout.ts';
import type { Control } from './control.ts';

/** Agents and people of a newly started sandbox. Both agents have the key. */
export const DEMO = {
  userId: 1,
  key: 'sandbox-key',
  linked: { agentId: 'cafe', agentName: 'Kopi Café', number: '6281100000001' },
  awaiting: { agentId: 'shop', agentName: 'Flower shop' },
  customers: [
    { number: '6285000000001', name: 'Sari' },
    { number: '6285000000002', name: 'Budi' },
  ],
  group: 'Café regulars',
};

const CONNECT_MS = 10_000;

/** The trace id of work without a request. */
function traceId(): string {
  return randomBytes(16).toString('hex');
}

/** Creates an agent of the demo, or starts it when idle; returns the QR that it shows. */
async function start({ agents }: Control, agent: { agentId: string; agentName: string }) {
  const { agentId, agentName } = agent;
  const request = { userId: DEMO.userId, agentName, apiKey: DEMO.key, traceId: traceId() };
  const { qr } = await agents.ask(agentId, { type: 'session.create', ...request });
  return qr;
}

/** Resolves when an agent is connected. @throws GatewayError SESSION_START_FAILED after ten seconds */
async function connected({ agents, network }: Control, agentId: string): Promise<void> {
  const isConnected = () =>
    agents.list().some((one) => one.agentId === agentId && one.status === 'connected');
  if (isConnected()) return;
  let check = () => {};
  const reached = new Promise<void>((resolve) => {
    check = () => isConnected() && resolve();
    agents.events.on('state', check);
  });
  const late = () => new GatewayError('SESSION_START_FAILED', 'The demo agent did not connect.');
  await withTimeout(network.clock, reached, CONNECT_MS, late).finally(() =>
    agents.events.off('state', check),
  );
}

/**
 * Creates the demo: a linked agent, one that awaits its scan, customers, and a group. Existing ones stay as they are.
 * @throws GatewayError AGENT_ID_TAKEN, SESSION_START_FAILED, DATABASE_UNAVAILABLE
 */
export async function seedSandbox(control: Control): Promise<void> {
  const { network, agents } = control;
  const { linked, awaiting, customers, group } = DEMO;
  for (const { number, name } of customers) network.account(number, { name });
  const qr = await start(control, linked);
  if (qr) network.scan(qr.code, network.account(linked.number, { name: linked.agentName }).pn);
  await connected(control, linked.agentId);
  if (!network.groups().some(({ name }) => name === group)) {
    const participants = [linked, ...customers].map(({ number }) => number);
    network.group({ name: group, participants });
  }
  const shop = agents.list().find(({ agentId }) => agentId === awaiting.agentId);
  if (shop?.status !== 'connected' && shop?.status !== 'awaiting_qr') await start(control, awaiting);
}

/**
 * Deletes all sessions and restarts with an empty network that draws its ids from `seed`.
 * @throws GatewayError DATABASE_UNAVAILABLE
 */
export async function resetSandbox(control: Control, seed?: string): Promise<void> {
  const { network, agents } = control;
  // First so that no frozen or offline phone delays its log-out, then again to drop what the log-outs left.
  network.reset(seed);
  const remove = (agentId: string) => agents.ask(agentId, { type: 'session.remove', traceId: traceId() });
  await Promise.all(agents.list().map(({ agentId }) => remove(agentId)));
  await control.forgetInbound();
  network.reset(seed);
}
