import { readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { SandboxNetwork } from '../../src/sandbox/network/network.ts';
import { callApi } from './api.ts';
import { eventually } from './eventually.ts';
import { BEARER, CUSTOMER, KEY } from './fixtures.ts';
import { connected, createAgent, linkAgent } from './link-agent.ts';
import type { TestDatabase } from './postgres.ts';
import { startService } from './service.ts';

// A process that uses a service for a while and measures what it holds before and afterwards. It is started with
// `--expose-gc` and its task as JSON in its one argument; it prints its findings as JSON.

/** The number of agents to create and delete, then of rounds with twenty agents. */
export interface SoakTask {
  database: TestDatabase;
  cycles: number;
  rounds: number;
  /** Minimum duration of the rounds, one per second. */
  minutes: number;
}

/** Resources of the process after a garbage collection. */
export interface Holding {
  heapBytes: number;
  /** Without those of database connections: the pool keeps as many as were needed recently. */
  descriptors: number;
  timers: number;
  listeners: number;
}

/** Measured at the start and the end of each part. */
export interface SoakFindings {
  cycles: { before: Holding; after: Holding };
  soak: { before: Holding; after: Holding; rounds: number; messages: number };
}

const AGENTS = Array.from({ length: 20 }, (_, index) => ({
  agentId: `agent-${index}`,
  number: `62811000${String(index).padStart(5, '0')}`,
}));
/** Connections to the database that may stay open. */
const POOL_SIZE = 10;

const { database, cycles, rounds, minutes } = JSON.parse(process.argv[2]!) as SoakTask;
const isLong = minutes > 0 || rounds > 20;
/** Customers who write by turns: enough that none looks like a bot. */
const customers = isLong ? 50 : 8;
/** By then the memory of deleted agents has reached its limit. */
const warmCycles = isLong ? 150 : 20;
/** By then all bounded memory is full: the network's chats, and in a long run that of each agent. */
const warmRounds = isLong ? 520 : 24;
const network = new SandboxNetwork({ chatSize: 3, wireLogSize: 100 });
const service = await startService(database, {
  network,
  // With a token, creates are not counted by address.
  env: {
    SEND_RATE_PER_MINUTE: '600000',
    START_CONCURRENCY: '20',
    SESSIONS_TOKEN: KEY,
  },
});
const call = (method: string, path: string, body?: unknown) =>
  callApi(service.app.url, method, path, body, BEARER);

/** The number of TCP connections, both ends counted. */
const connections = () => process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length;

/** Resources of the idle process, once all connections except the database's are closed. */
async function holding(): Promise<Holding> {
  service.ai.rest();
  await eventually('idle connections to close', () => connections() <= POOL_SIZE);
  for (let turn = 0; turn < 3; turn += 1) {
    await delay(100);
    globalThis.gc?.();
  }
  const { events } = service.app.system;
  return {
    heapBytes: process.memoryUsage().heapUsed,
    descriptors: process.platform === 'linux' ? readdirSync('/proc/self/fd').length - connections() : 0,
    timers: process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length,
    listeners:
      events.eventNames().reduce((sum, name) => sum + events.listenerCount(name), 0) +
      network.events.eventNames().reduce((sum, name) => sum + network.events.listenerCount(name), 0) +
      process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0),
  };
}

/** Sends a text and expects it to be sent. */
async function send(agentId: string, message: string): Promise<void> {
  const { status } = await call('POST', `/agents/${agentId}/messages`, { to: CUSTOMER, message });
  if (status !== 200) throw new Error(`${agentId} answered ${status}`);
}

/** Creates, links, uses and deletes an agent. */
async function cycle(): Promise<void> {
  await linkAgent(service, 'cycled');
  await send('cycled', 'hello');
  await call('DELETE', '/sessions/cycled');
}

let messages = 0;

/** Every agent sends a text and answers a customer; one loses its browser, one its network for a moment. */
async function round(index: number): Promise<void> {
  const [unlucky, offline] = [AGENTS[index % 20]!, AGENTS[(index + 7) % 20]!];
  const answered = new Promise<void>((resolve) => {
    let left = AGENTS.length;
    const { events } = service.app.system;
    const onInbound = () => {
      left -= 1;
      if (left > 0) return;
      events.off('inbound', onInbound);
      resolve();
    };
    events.on('inbound', onInbound);
  });
  for (const { number } of AGENTS)
    network.write(`62812000${String(index % customers).padStart(5, '0')}`, {
      to: number,
      text: `question ${index}`,
    });
  await Promise.all([answered, ...AGENTS.map(({ agentId }) => send(agentId, `text ${index}`))]);
  messages += 3 * AGENTS.length;
  network.faults.crash(unlucky.number);
  network.faults.drop(offline.number, 50);
  await eventually('the crash to be noticed', async () => {
    return (await call('GET', `/sessions/${unlucky.agentId}`)).body.status !== 'connected';
  });
  await createAgent(service.url, unlucky.agentId);
  for (const { agentId } of [unlucky, offline]) await connected(service.url, agentId);
}

for (let done = 0; done < warmCycles; done += 1) await cycle();
const beforeCycles = await holding();
for (let done = 0; done < cycles; done += 1) await cycle();
const afterCycles = await holding();

for (const { agentId, number } of AGENTS) await linkAgent(service, agentId, number);
let done = 0;
while (done < warmRounds) await round(done++);
const beforeSoak = await holding();
messages = 0;
const end = performance.now() + minutes * 60_000;
while (done < warmRounds + rounds || performance.now() < end) {
  const began = performance.now();
  await round(done++);
  if (minutes > 0) await delay(Math.max(0, 1_000 - (performance.now() - began)));
}
const afterSoak = await holding();
await service.close();

const findings: SoakFindings = {
  cycles: { before: beforeCycles, after: afterCycles },
  soak: { before: beforeSoak, after: afterSoak, rounds: done - warmRounds, messages },
};
console.log(JSON.stringify(findings));
