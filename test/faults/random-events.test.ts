import { expect } from 'chai';
import type { Command } from '../../src/actors/domain/commands.ts';
import type { AgentRecord, MessageLog, StoredMessage } from '../../src/actors/domain/ports/stores.ts';
import { DEFAULT_LIMITS, NO_SETTINGS } from '../../src/actors/domain/settings.ts';
import { createGateway } from '../../src/actors/gateway/gateway.ts';
import { Seeded } from '../../src/sandbox/network/seeded.ts';
import { answerOf } from '../support/answers.ts';
import { FAULT_SEED, faultRuns, reportFigures } from '../support/fault-runs.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { MemoryDatabase } from '../support/memory-gateway.ts';
import { type Chance, type RandomClient, RandomDriver } from '../support/random-driver.ts';

const SEQUENCES = faultRuns(1_000, 10_000);
const STEPS = 25;
const AGENT = 'shop';
const ME = { pn: '6281111111111@c.us' };
const REASONS = [
  ...['LOGOUT', 'UNPAIRED', 'UNPAIRED_IDLE', 'CONFLICT', 'TIMEOUT', 'OPENING', 'PROXYBLOCK', 'UNLAUNCHED'],
  ...['DEPRECATED_VERSION', 'TOS_BLOCK', 'SMB_TOS_BLOCK', 'a new reason'],
];

/** Events that a client may emit at any time. */
const EVENTS: ((client: RandomClient, pick: <T>(from: readonly T[]) => T) => void)[] = [
  ({ events }) => events.emit('qr', 'a,b,c,d,e'),
  ({ events }) => events.emit('authenticated'),
  // More often, so that most agents are connected when other events occur.
  ...Array.from(
    { length: 5 },
    () =>
      ({ events }: RandomClient) =>
        events.emit('ready', ME),
  ),
  ({ events }) => events.emit('auth_failure', 'no'),
  ({ events }, pick) => events.emit('disconnected', pick(REASONS)),
  ({ events }, pick) => events.emit('state', pick(['CONNECTED', 'OPENING', 'TIMEOUT', 'PAIRING'])),
  ({ events }) => events.emit('crash', 'gone'),
  ({ events }, pick) => events.emit('ack', { messageId: 'wa-1', ack: pick([-1, 0, 1, 2]) }),
];

/** A message log that keeps nothing. */
function memoryLog(): MessageLog {
  let seq = 0;
  return {
    append: ({ userId, agentId }, message, { at = new Date(0), status = 'queued' } = {}) => {
      seq += 1;
      const stored: StoredMessage = {
        ...message,
        ...{ id: String(seq), userId, agentId, seq, status, createdAt: at },
        ...{ messageId: null, error: null, handedOverAt: null, sentAt: null, account: null },
        ...{ stanzaId: null, chatId: null },
      };
      return Promise.resolve(stored);
    },
    markSending: () => Promise.resolve(),
    settle: () => Promise.resolve(),
    receive: () => Promise.resolve(null),
    find: () => Promise.resolve(null),
    claimed: () => Promise.resolve([]),
    isOurs: () => Promise.resolve(true),
    pending: () => Promise.resolve([]),
    failPending: () => Promise.resolve(),
  };
}

/** One agent in its own gateway, on its own clock and random numbers. */
function oneAgent(chance: Chance) {
  const clock = new ManualClock();
  const found = { crashes: [] as unknown[], sendsWhileNotConnected: 0, sends: 0 };
  const rows = new Map<string, AgentRecord>();
  const driver = new RandomDriver(chance, (client) => {
    found.sends += 1;
    if (client !== driver.clients.at(-1) || system.describe(AGENT).status !== 'connected')
      found.sendsWhileNotConnected += 1;
  });
  const system = createGateway({
    driver,
    clock,
    ai: { ask: async () => answerOf('hello') },
    intake: { open: () => Promise.reject(new Error('no files')) },
    agents: {
      save: (agent) => {
        const times = {
          lastConnectedAt: null,
          lastDisconnectedAt: null,
          createdAt: new Date(0),
          updatedAt: new Date(0),
        };
        const record = { ...agent, ...times, endpointUrlRun: null };
        rows.set(agent.agentId, record);
        return Promise.resolve(record);
      },
      list: () => Promise.resolve([...rows.values()]),
      find: ({ agentId }) => Promise.resolve(rows.get(agentId) ?? null),
      has: ({ agentId }) => Promise.resolve(rows.has(agentId)),
      version: () => Promise.resolve(String(rows.size)),
      setStatus: () => Promise.resolve(),
      setApiKey: () => Promise.resolve(),
      forget: () => Promise.resolve(),
      remove: ({ agentId }) => Promise.resolve(void rows.delete(agentId)),
    },
    apiKeys: { active: () => Promise.resolve([]) },
    messages: memoryLog(),
    chats: new MemoryDatabase().chats,
    agentSettings: { load: () => Promise.resolve(NO_SETTINGS), save: () => Promise.resolve() },
    webhooks: { wants: () => false, record: () => Promise.resolve(), recorded: async () => new Set() },
    inbound: {
      claim: () => Promise.resolve(true),
      claimTurn: (_agent, keys) => Promise.resolve(keys),
      settle: () => Promise.resolve(),
      link: () => Promise.resolve(),
      linkedAt: () => Promise.resolve(null),
    },
    files: {
      release: () => Promise.resolve(),
      add: () => Promise.reject(new Error('There are no files.')),
      find: () => Promise.resolve(null),
    },
    fileLinks: { url: () => '' },
    random: chance,
    newTraceId: () => '0'.repeat(32),
    newStanzaId: () => '3EB0',
    settings: {
      ...{
        sendRatePerMinute: 100,
        sendBurst: 100,
        mailboxCapacity: 500,
        sendWaitMs: 30_000,
        sendTimeoutMs: 30_000,
      },
      ...{
        messageTtlMs: 3_600_000,
        qrWaitMs: 30_000,
        qrMaxRefreshes: 3,
        startConcurrency: 2,
        inboundTypes: ['text'],
        aiMedia: 'url',
        debounceMs: 0,
        debounceMaxMs: 30_000,
        handoverMinutes: 0,
        aiConcurrency: 4,
      },
      ...{ developer: '628999@c.us', limits: DEFAULT_LIMITS },
    },
  });
  // The supervisor recreates a machine that crashed.
  system.events.on('transition', (_agentId, { machine, event }) => {
    if (machine === 'supervisor' && event.startsWith('xstate.error')) found.crashes.push(event);
  });
  /** Ignores a command's refusal. */
  const ask = (command: Command) => void system.ask(AGENT, command).catch(() => undefined);
  const create = () =>
    ask({ type: 'session.create', userId: 1, agentName: AGENT, apiKey: 'key', traceId: '' });
  return { clock, driver, system, found, ask, create };
}

describe('an agent under random events', function () {
  this.timeout(120_000 + SEQUENCES * 200);

  /** Sends random events, then tries to connect and to delete the agent; returns the findings. */
  async function sequence(index: number) {
    const seeded = new Seeded(`${FAULT_SEED}-${index}`);
    const chance = () => seeded.share('chance');
    const pick = <T>(from: readonly T[]): T => from[Math.floor(chance() * from.length)]!;
    const { clock, driver, system, found, ask, create } = oneAgent(chance);
    const taken: string[] = [];
    const steps: Record<string, () => void | Promise<void>> = {
      create,
      reconnect: () => ask({ type: 'session.reconnect', traceId: '' }),
      send: () =>
        ask({
          type: 'message.send',
          userId: 1,
          message: { to: '628@c.us', content: { kind: 'text', text: 'x' }, origin: 'api', traceId: '' },
          respondAsync: true,
        }),
      'an event of the newest client': () =>
        driver.clients.length && pick(EVENTS)(driver.clients.at(-1)!, pick),
      'another event of the newest client': () =>
        driver.clients.length && pick(EVENTS)(driver.clients.at(-1)!, pick),
      'an event of any client': () => driver.clients.length && pick(EVENTS)(pick(driver.clients), pick),
      'a moment passes': () => clock.pass(chance() * 2_000),
      'a while passes': () => clock.pass(chance() * 300_000),
    } as never;
    create();
    await clock.pass(0);
    for (let step = 0; step < STEPS; step += 1) {
      const name = pick(Object.keys(steps));
      taken.push(name);
      await steps[name]!();
      await clock.pass(0);
    }
    const stuck = !(await rescued());
    // It can be deleted in any state.
    const removed = system.ask(AGENT, { type: 'session.remove', traceId: '' }).then(
      () => true,
      () => false,
    );
    await clock.pass(0);
    await clock.pass(120_000);
    const isRemoved = await Promise.race([removed, Promise.resolve(null)]);
    return {
      ...found,
      stuck: stuck ? `${system.describe(AGENT).states} after ${taken.join(', ')}` : null,
      isRemoved,
    };

    /** Creates the session and emits `ready` until it is connected; false when that fails. */
    async function rescued(): Promise<boolean> {
      for (let turn = 0; turn < 40; turn += 1) {
        if (system.describe(AGENT).status === 'connected') return true;
        create();
        await clock.pass(1_000);
        driver.clients.at(-1)?.events.emit('ready', ME);
        await clock.pass(turn < 20 ? 0 : 60_000);
      }
      return system.describe(AGENT).status === 'connected';
    }
  }

  it('never crashes, never sends while not connected, and can always be connected and deleted', async () => {
    const total = { sends: 0, sendsWhileNotConnected: 0, crashes: 0, stuck: 0, notDeleted: 0 };
    const samples: unknown[] = [];
    for (let index = 0; index < SEQUENCES; index += 1) {
      const found = await sequence(index);
      total.sends += found.sends;
      total.sendsWhileNotConnected += found.sendsWhileNotConnected;
      total.crashes += found.crashes.length;
      if (found.stuck) total.stuck += 1;
      if (!found.isRemoved) total.notDeleted += 1;
      if (found.crashes.length > 0 || found.stuck || !found.isRemoved)
        samples.push({ index, crashes: found.crashes, stuck: found.stuck, isRemoved: found.isRemoved });
    }
    reportFigures(
      'P21',
      `${SEQUENCES} random sequences of ${STEPS} events, including those of former clients`,
      {
        ...total,
      },
    );
    expect(samples.slice(0, 3)).to.deep.equal([]);
    expect(total.sends).to.be.above(0);
    expect(total.sendsWhileNotConnected).to.equal(0);
  });
});
