import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import sinon from 'sinon';
import type { GatewayEvents } from '../../src/actors/domain/gateway-events.ts';
import type { AgentRef } from '../../src/actors/domain/identity.ts';
import { PgAgentStore } from '../../src/infra/postgres/stores/agent-store.ts';
import { PgInboundLog } from '../../src/infra/postgres/stores/inbound-log.ts';
import { PgMessageLog } from '../../src/infra/postgres/stores/message-log.ts';
import { SandboxNetwork } from '../../src/sandbox/network/network.ts';
import { callApi } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { faultRuns, quantile, reportFigures, times } from '../support/fault-runs.ts';
import { type ClientCall, type FaultMode, FaultyDriver } from '../support/faulty-driver.ts';
import { BEARER, BOT, CUSTOMER, KEY, OTHER_BOT } from '../support/fixtures.ts';
import { createAgent } from '../support/link-agent.ts';
import { withDatabase } from '../support/postgres.ts';
import { type Service, startService } from '../support/service.ts';

const RUNS = faultRuns(1, 2);
/** Ten a second; faster in the short run. */
const SEND_EVERY_MS = RUNS === 1 ? 20 : 100;
const SENDS_PER_WINDOW = RUNS === 1 ? 3 : 10;
const NUMBERS = { ann: BOT, ben: OTHER_BOT };

type AgentId = keyof typeof NUMBERS;

/** A fault of ann; `heal` ends it where restoring the network is not enough. */
interface Fault {
  title: string;
  hit: () => void;
  heal?: () => void;
}

describe('faults of one agent while another sends', function () {
  this.timeout(120_000 + RUNS * 200_000);
  const database = withDatabase();
  const network = new SandboxNetwork();
  const driver = new FaultyDriver(network, 'ann');
  const faultsOfBen: unknown[] = [];
  let service: Service;

  before(async () => {
    service = await startService(database(), {
      network,
      driver,
      env: {
        SEND_RATE_PER_MINUTE: '600000',
        SEND_BURST: '10000',
        MAILBOX_CAPACITY: '50',
        SEND_TIMEOUT_MS: '1000',
        AI_TIMEOUT_MS: '500',
        // With a token, creates are not counted by address.
        SESSIONS_TOKEN: KEY,
      },
      limits: {
        startMs: 400,
        logoutMs: 200,
        closeMs: 200,
        steadyMs: 50,
        probeEveryMs: 60,
        probeAgainMs: 40,
        probeMs: 100,
      },
    });
    service.app.system.events.on('fault', (fault) => {
      if (fault.agentId === 'ben') faultsOfBen.push(fault);
    });
    for (const agentId of ['ann', 'ben'] as const) await linked(agentId);
  });
  after(() => service?.close());
  afterEach(() => sinon.restore());

  /** An agent's session in the API. */
  const session = async (agentId: AgentId) =>
    (await callApi(service.app.url, 'GET', `/sessions/${agentId}`, undefined, BEARER)).body;

  /** Creates the session and scans its QR until it is connected. */
  async function linked(agentId: AgentId): Promise<void> {
    await eventually(`${agentId} to be connected`, async () => {
      const { body } = await createAgent(service.url, agentId);
      // An expired QR is replaced by the next try.
      if (body.qr)
        await Promise.resolve()
          .then(() => network.scan(String(body.qr), NUMBERS[agentId]))
          .catch(() => undefined);
      await delay(20);
      return (await session(agentId)).status === 'connected';
    });
  }

  /** Sends a text. */
  const send = (agentId: AgentId, message: string, headers: Record<string, string> = {}) =>
    callApi(
      service.app.url,
      'POST',
      `/agents/${agentId}/messages`,
      { to: CUSTOMER, message },
      { ...BEARER, ...headers },
    );

  /** Makes ann call her ports: two sends and an inbound message. */
  async function provoke(): Promise<void> {
    for (let text = 0; text < 2; text += 1)
      await send('ann', `provoked ${text}`, { prefer: 'respond-async' }).catch(() => undefined);
    network.write(CUSTOMER, { to: NUMBERS.ann, text: 'question' });
  }

  /** Sends texts of ben until stopped, and records their latencies by window. */
  function benSends() {
    const stop = new AbortController();
    const windows: { isQuiet: boolean; latencies: number[] }[] = [];
    const errors: string[] = [];
    const sending = (async () => {
      while (!stop.signal.aborted) {
        const window = windows.at(-1);
        const began = performance.now();
        const { status, body } = await send('ben', `still here ${began}`);
        const took = performance.now() - began;
        window?.latencies.push(took);
        if (status !== 200) errors.push(`${status} ${body.error?.code}`);
        await delay(Math.max(1, SEND_EVERY_MS - took));
      }
    })();
    /** Opens a window and waits until it has enough sends. */
    const pass = async (isQuiet: boolean) => {
      const window = { isQuiet, latencies: [] as number[] };
      windows.push(window);
      await eventually(
        'ben to send',
        () => window.latencies.length >= SENDS_PER_WINDOW || stop.signal.aborted,
      );
    };
    const end = () => {
      stop.abort();
      return sending;
    };
    return { windows, errors, pass, end };
  }

  /** Faults of ports that receive the agent: reject or throw for ann alone. */
  function portFault<T extends object>(prototype: T, method: keyof T & string): Fault[] {
    return ([false, true] as const).map((throws) => ({
      title: `${prototype.constructor.name}.${method} ${throws ? 'throws' : 'rejects'}`,
      hit: () => {
        const original = prototype[method] as (...args: unknown[]) => unknown;
        sinon.stub(prototype, method).callsFake(function (this: unknown, ...args: unknown[]) {
          if (!args.some((arg) => (arg as Partial<AgentRef>).agentId === 'ann'))
            return original.apply(this, args);
          if (throws) throw new Error('a bug');
          return Promise.reject('a bare string');
        } as never);
      },
      heal: () => sinon.restore(),
    }));
  }

  /** A listener that throws for every event of ann. */
  function listenerFault(event: keyof GatewayEvents): Fault {
    const listener = (payload: unknown) => {
      const agentId = typeof payload === 'string' ? payload : (payload as { agentId: string | null }).agentId;
      if (agentId === 'ann') throw new Error('a listener has a bug');
    };
    const { events } = service.app.system;
    return {
      title: `a listener of \`${event}\` throws`,
      hit: () => void events.on(event, listener as never),
      heal: () => void events.off(event, listener as never),
    };
  }

  const CALLS: ClientCall[] = [
    'start',
    'destroy',
    'reload',
    'send',
    'setTyping',
    'resolveRecipient',
    'probe',
    'findSent',
    'fetchMissed',
  ];

  /** Every fault mode of every call of ann's client. */
  const clientFaults = () =>
    CALLS.flatMap((call) =>
      (['hangs', 'throws', 'rejects'] as FaultMode[]).map(
        (mode): Fault => ({
          title: `${call} ${mode}`,
          hit: () => driver.fail({ call, mode }),
          heal: () => driver.fail(null),
        }),
      ),
    );

  /** Every reason for which WhatsApp ends a session. */
  const lineFaults = (): Fault[] => [
    ...['TIMEOUT', 'OPENING', 'PAIRING', 'CONFLICT', 'UNLAUNCHED', 'UNPAIRED', 'UNPAIRED_IDLE'].map(
      stateFault,
    ),
    ...['DEPRECATED_VERSION', 'TOS_BLOCK', 'SMB_TOS_BLOCK', 'PROXYBLOCK', 'A_NEW_REASON'].map(stateFault),
    { title: 'unlinked on the phone', hit: () => network.unlink(NUMBERS.ann) },
    { title: 'the page freezes', hit: () => network.faults.freeze(NUMBERS.ann, true) },
    { title: 'every message is refused', hit: () => network.faults.setFailureRate(NUMBERS.ann, 1) },
    { title: 'auth_failure', hit: () => driver.emit('auth_failure', 'no') },
    { title: 'an event without its payload', hit: () => driver.emit('disconnected') },
    { title: 'a message without its fields', hit: () => driver.emit('message', {}) },
    { title: 'ready twice', hit: () => driver.emit('ready', { pn: `${NUMBERS.ann}@c.us` }) },
  ];

  /** A state of the connection. */
  const stateFault = (state: string): Fault => ({
    title: `the state ${state}`,
    hit: () => network.faults.setState(NUMBERS.ann, state),
  });

  /** Faults of ann's AI backend. */
  const aiFaults = (): Fault[] =>
    (['hang', 'close', 'flood'] as const).map((answer) => ({
      title: `the AI answers with ${answer}`,
      hit: () => {
        service.ai.behave = ({ path }) => (path.includes('ann') ? answer : {});
      },
      heal: () => {
        service.ai.behave = () => ({});
      },
    }));

  /** Floods of incoming and outgoing messages. */
  const floods = (): Fault[] => [
    {
      title: '500 messages arrive at once',
      hit: () => {
        for (let count = 0; count < 500; count += 1)
          network.write(`6281300000${String(count % 50).padStart(3, '0')}`, {
            to: NUMBERS.ann,
            text: `flood ${count}`,
          });
      },
    },
    {
      title: 'the mailbox is full',
      hit: () => {
        network.faults.setLatency(NUMBERS.ann, 300);
        for (let count = 0; count < 200; count += 1)
          void send('ann', `flood ${count}`, { prefer: 'respond-async' }).catch(() => undefined);
      },
    },
  ];

  /** Ends the fault and waits until ann sends again. */
  async function heal(fault: Fault): Promise<void> {
    fault.heal?.();
    network.faults.restore(NUMBERS.ann);
    await eventually(`ann to send again after: ${fault.title}`, async () => {
      await linked('ann');
      return (await send('ann', `after ${fault.title}`)).status === 200;
    });
  }

  it('cause no error, restart or delay of the other, and the first one reconnects', async () => {
    const faults = [
      ...clientFaults(),
      ...portFault(PgMessageLog.prototype, 'append'),
      ...portFault(PgInboundLog.prototype, 'claimTurn'),
      ...portFault(PgAgentStore.prototype, 'setStatus'),
      ...(['message', 'state', 'inbound', 'transition', 'mailbox', 'operation'] as const).map(listenerFault),
      ...lineFaults(),
      ...aiFaults(),
      ...floods(),
    ];
    const ben = benSends();
    const notHealed: string[] = [];
    try {
      for (let run = 0; run < RUNS; run += 1) {
        for (const fault of faults) {
          await ben.pass(true);
          fault.hit();
          await provoke();
          await ben.pass(false);
          if (!fault.title.startsWith('the ')) network.faults.crash(NUMBERS.ann);
          await ben.pass(false);
          await heal(fault).catch((error: unknown) => notHealed.push(String(error)));
        }
      }
    } finally {
      await ben.end();
    }
    const median = (isQuiet: boolean, share: number) =>
      quantile(
        ben.windows
          .filter((window) => window.isQuiet === isQuiet)
          .map(({ latencies }) => quantile(latencies, share)),
        0.5,
      );
    const figures = {
      quiet: median(true, 0.5),
      faulty: median(false, 0.5),
      quietWorst: median(true, 1),
      faultyWorst: median(false, 1),
    };
    const sends = ben.windows.flatMap(({ latencies }) => latencies);
    const { restarts } = (await session('ben')).supervisor as { restarts: number };
    reportFigures('P4 P5', `${faults.length} faults of one agent, ${times(RUNS)} each, while another sends`, {
      'its sends': sends.length,
      'its errors': ben.errors.length,
      'its restarts': restarts,
      'agents that did not reconnect': notHealed.length,
      'median ms without and with a fault': `${figures.quiet.toFixed(1)} / ${figures.faulty.toFixed(1)}`,
      'slowest of a window, median ms': `${figures.quietWorst.toFixed(1)} / ${figures.faultyWorst.toFixed(1)}`,
      'p99 ms of all': quantile(sends, 0.99).toFixed(1),
    });
    expect(ben.errors).to.deep.equal([]);
    expect(faultsOfBen).to.deep.equal([]);
    expect(restarts).to.equal(0);
    expect(notHealed).to.deep.equal([]);
    expect(figures.faulty).to.be.below(Math.max(figures.quiet * 1.1, figures.quiet + 50));
    expect(figures.faultyWorst).to.be.below(Math.max(figures.quietWorst * 1.1, figures.quietWorst + 50));
  });
});
