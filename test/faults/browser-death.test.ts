import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { SandboxNetwork } from '../../src/infra/whatsapp/sandbox/network.ts';
import { browsersOf, processesOfGroup } from '../../src/infra/whatsapp/wwebjs/processes.ts';
import { callApi } from '../support/api.ts';
import { whenChromium } from '../support/chromium.ts';
import { eventually } from '../support/eventually.ts';
import { faultRuns, tell } from '../support/fault-runs.ts';
import { withDatabase } from '../support/postgres.ts';
import { argumentsOf } from '../support/processes.ts';
import { type Service, startService } from '../support/service.ts';
import { type StandIn, startStandIn } from '../support/stand-in/index.ts';

const RUNS = faultRuns(1);
const CUSTOMER = '6281234567890@c.us';
const NUMBERS = { ann: '6281111111111', ben: '6281111111112' };
const KEY = 'key-of-user-1';
const SEND_EVERY_MS = 200;

type AgentId = keyof typeof NUMBERS;

whenChromium('a browser that dies', () => {
  const database = withDatabase();
  const network = new SandboxNetwork();
  let standIn: StandIn;
  let service: Service;

  before(async function () {
    this.timeout(60_000);
    standIn = await startStandIn(network);
    service = await startService(database(), {
      network,
      env: { WHATSAPP_DRIVER: 'wwebjs', SEND_TIMEOUT_MS: '10000' },
      configure: (config) => ({ ...config, CHROMIUM_ARGS: standIn.chromiumArgs }),
      // As in production, but for how often and how long a page is asked whether it lives.
      limits: { probeEveryMs: 1_000, probeAgainMs: 300, probeMs: 1_000, steadyMs: 500 },
    });
    for (const agentId of ['ann', 'ben'] as const) await link(agentId);
  });
  after(async function () {
    this.timeout(30_000);
    await service?.close();
    await standIn?.close();
  });

  /** Creates an agent and links it. */
  async function link(agentId: AgentId): Promise<void> {
    const spec = { userId: 1, agentId, agentName: agentId, apikey: KEY };
    const { body } = await callApi(service.app.url, 'POST', '/sessions', spec);
    network.scan(String(body.qr), NUMBERS[agentId]);
    await eventually(
      `${agentId} to be connected`,
      async () => (await session(agentId)).status === 'connected',
    );
  }

  /** An agent as the API tells of it. */
  const session = async (agentId: AgentId) =>
    (await callApi(service.app.url, 'GET', `/sessions/${agentId}`)).body;

  /** Sends a text and waits for WhatsApp's word. */
  const send = (agentId: AgentId, message: string) =>
    callApi(
      service.app.url,
      'POST',
      `/agents/${agentId}/messages`,
      { to: CUSTOMER, message },
      { authorization: `Bearer ${KEY}` },
    );

  /** The main processes of the browsers that run on an agent's profile. */
  const browsers = (agentId: AgentId) =>
    browsersOf(join(service.config.WWEBJS_AUTH_DIR, agentId, 'session')).filter(
      (pid) => !argumentsOf(pid).some((argument) => argument.startsWith('--type=')),
    );

  /** The renderers of an agent's browser; forked ones have their arguments in one string. */
  const renderers = (agentId: AgentId) =>
    browsers(agentId)
      .flatMap(processesOfGroup)
      .filter((pid) => argumentsOf(pid).join(' ').includes('--type=renderer'));

  /** An agent sends all the while `run` takes; gives how long each send took, and what failed. */
  async function sendingMeanwhile(agentId: AgentId, run: () => Promise<void>) {
    const over = new AbortController();
    const latencies: number[] = [];
    const errors: string[] = [];
    const sending = (async () => {
      while (!over.signal.aborted) {
        const began = performance.now();
        const { status, body } = await send(agentId, `still here ${latencies.length}`);
        latencies.push(Math.round(performance.now() - began));
        if (status !== 200) errors.push(`${status} ${body.error?.code}`);
        await delay(SEND_EVERY_MS, undefined, { signal: over.signal }).catch(() => undefined);
      }
    })();
    try {
      await run();
    } finally {
      over.abort();
      await sending;
    }
    return { latencies, errors };
  }

  /** Strikes ann's browser; gives how long it took to be noticed and to be connected again, in ms. */
  async function strike(signal: NodeJS.Signals, victims: () => number[]) {
    let qrs = 0;
    const onQr = ({ agentId, qr }: { agentId: string; qr: unknown }) => {
      if (agentId === 'ann' && qr) qrs += 1;
    };
    const { events } = service.app.system;
    const struck = performance.now();
    const noticed = new Promise<number>((resolve) => {
      const onState = ({ agentId, from }: { agentId: string; from: string | null }) => {
        if (agentId !== 'ann' || from !== 'connected') return;
        events.off('state', onState);
        resolve(Math.round(performance.now() - struck));
      };
      events.on('state', onState);
    });
    events.on('qr', onQr);
    const hit = victims();
    expect(hit, 'processes to strike').not.to.deep.equal([]);
    for (const pid of hit) process.kill(pid, signal);
    const noticedMs = await noticed;
    await eventually('ann to be connected again', async () => (await session('ann')).status === 'connected');
    const backMs = Math.round(performance.now() - struck);
    events.off('qr', onQr);
    expect(qrs, 'QRs').to.equal(0);
    return { noticedMs, backMs };
  }

  const strikes: {
    title: string;
    signal: NodeJS.Signals;
    victims: () => number[];
    noticedWithinMs: number;
  }[] = [
    {
      title: 'whose process is killed',
      signal: 'SIGKILL',
      victims: () => browsers('ann'),
      noticedWithinMs: 2_000,
    },
    {
      title: 'whose page crashes',
      signal: 'SIGKILL',
      victims: () => renderers('ann'),
      noticedWithinMs: 2_000,
    },
    // Three mute probes of a second each, shortened from the 45 s of production.
    {
      title: 'whose page freezes',
      signal: 'SIGSTOP',
      victims: () => renderers('ann'),
      noticedWithinMs: 8_000,
    },
  ];
  for (const { title, signal, victims, noticedWithinMs } of strikes) {
    it(`${title} is noticed and comes back without a QR, and the other agent goes on`, async function () {
      this.timeout(30_000 + RUNS * 40_000);
      for (let run = 0; run < RUNS; run += 1) {
        const [bens] = browsers('ben');
        const { restarts } = (await session('ben')).supervisor as { restarts: number };
        let took = { noticedMs: 0, backMs: 0 };
        const ben = await sendingMeanwhile('ben', async () => {
          took = await strike(signal, victims);
        });
        tell(title, { ...took, sends: ben.latencies.length, slowest: Math.max(...ben.latencies) });
        expect(took.noticedMs, 'noticed').to.be.below(noticedWithinMs);
        expect(ben.errors, `ben's errors`).to.deep.equal([]);
        expect(browsers('ben')).to.deep.equal([bens]);
        expect((await session('ben')).supervisor).to.include({ restarts });
        expect(browsers('ann'), `ann's browsers`).to.have.length(1);
        expect((await send('ann', `after ${title} ${run}`)).status).to.equal(200);
      }
    });
  }
});
