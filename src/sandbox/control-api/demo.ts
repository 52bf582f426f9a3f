import { randomBytes } from 'node:crypto';
import { GatewayError } from '../../actors/domain/errors.ts';
import { withTimeout } from '../../actors/domain/timeout.ts';
import type { Control } from './control.ts';

/** Whom a person finds who starts the sandbox for the first time. The key belongs to both agents. */
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

/** A trace id for what nobody's request asked for. */
function traceId(): string {
  return randomBytes(16).toString('hex');
}

/** Creates an agent of the demo, or starts it when it rests; gives the QR that it then shows. */
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
 * Puts the demo in place: an agent that is linked, one that awaits its scan, customers, and a group. What is there
 * already stays as it is.
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
 * Begins anew: no sessions, and an empty network that draws its ids from `seed`.
 * @throws GatewayError DATABASE_UNAVAILABLE
 */
export async function resetSandbox(control: Control, seed?: string): Promise<void> {
  const { network, agents } = control;
  // Once so that no frozen or lost phone holds up its log-out, and once more for what the log-outs left behind.
  network.reset(seed);
  const remove = (agentId: string) => agents.ask(agentId, { type: 'session.remove', traceId: traceId() });
  await Promise.all(agents.list().map(({ agentId }) => remove(agentId)));
  await control.forgetInbound();
  network.reset(seed);
}
