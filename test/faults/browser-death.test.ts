import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { browsersOf, processesOfGroup } from '../../src/infra/whatsapp/wwebjs/processes.ts';
import { SandboxNetwork } from '../../src/sandbox/network/network.ts';
import { callApi } from '../support/api.ts';
import { whenChromium } from '../support/chromium.ts';
import { forEachEdition } from '../support/editions.ts';
import { eventually } from '../support/eventually.ts';
import { faultRuns, quantile, reportFigures, times } from '../support/fault-runs.ts';
import { BEARER, BOT, CUSTOMER, OTHER_BOT } from '../support/fixtures.ts';
import { linkAgent } from '../support/link-agent.ts';
import { withDatabase } from '../support/postgres.ts';
import { argumentsOf } from '../support/processes.ts';
import { type Service, startService } from '../support/service.ts';
import { type StandIn, startStandIn } from '../support/stand-in/index.ts';

const RUNS = faultRuns(1, 10);
const NUMBERS = { ann: BOT, ben: OTHER_BOT };
const SEND_EVERY_MS = 200;
const BACK_WITHIN_MS = 15_000;

type AgentId = keyof typeof NUMBERS;

whenChromium('a browser', () => {
  forEachEdition(
    (page) =>
      describe(`on the page of ${page.name}`, () => {
        const database = withDatabase();
        const network = new SandboxNetwork();
        let standIn: StandIn;
        let service: Service;

        before(async () => {
          standIn = await startStandIn(network, page);
          service = await startService(database(), {
            ...{ network, standIn },
            env: { SEND_TIMEOUT_MS: '10000' },
            // As in production, except for the interval and timeout of probes.
            limits: { probeEveryMs: 1_000, probeAgainMs: 300, probeMs: 1_000, steadyMs: 500 },
          });
          for (const [agentId, number] of Object.entries(NUMBERS)) await linkAgent(service, agentId, number);
        });
        after(async () => {
          await service?.close();
          await standIn?.close();
        });

        /** Waits until the agent is steady, since the backoff grows with faults in quick succession. */
        const steady = (agentId: AgentId) =>
          eventually(`${agentId} to be steady`, () => {
            const { supervisorStates } = service.app.system.describe(agentId);
            return supervisorStates.includes('alive.running.steady');
          });

        /** An agent's session in the API. */
        const session = async (agentId: AgentId) =>
          (await callApi(service.app.url, 'GET', `/sessions/${agentId}`)).body;

        /** Sends a text and waits for its acknowledgement. */
        const send = (agentId: AgentId, message: string) =>
          callApi(service.app.url, 'POST', `/agents/${agentId}/messages`, { to: CUSTOMER, message }, BEARER);

        /** The main processes of the browsers on an agent's profile. */
        const browsers = (agentId: AgentId) =>
          browsersOf(join(service.config.WWEBJS_AUTH_DIR, agentId, 'session')).filter(
            (pid) => !argumentsOf(pid).some((argument) => argument.startsWith('--type=')),
          );

        /** The renderers of an agent's browser; forked ones have their arguments in one string. */
        const renderers = (agentId: AgentId) =>
          browsers(agentId)
            .flatMap(processesOfGroup)
            .filter((pid) => argumentsOf(pid).join(' ').includes('--type=renderer'));

        /** Sends texts of an agent while `run` takes; returns their latencies in ms and the errors. */
        async function sendingMeanwhile(agentId: AgentId, run: () => Promise<void>) {
          const stop = new AbortController();
          const latencies: number[] = [];
          const errors: string[] = [];
          const sending = (async () => {
            while (!stop.signal.aborted) {
              const began = performance.now();
              const { status, body } = await send(agentId, `still here ${latencies.length}`);
              latencies.push(Math.round(performance.now() - began));
              if (status !== 200) errors.push(`${status} ${body.error?.code}`);
              await delay(SEND_EVERY_MS, undefined, { signal: stop.signal }).catch(() => undefined);
            }
          })();
          try {
            await run();
          } finally {
            stop.abort();
            await sending;
          }
          return { latencies, errors };
        }

        /** Sends a signal to the processes; fails when there are none. */
        function signal(name: NodeJS.Signals, pids: number[]): void {
          expect(pids, 'processes').not.to.deep.equal([]);
          for (const pid of pids) process.kill(pid, name);
        }

        /** Strikes ann; returns the ms until it was detected, and from then (or the cure) until it was connected again. */
        async function strike({ hit, cure }: Strike) {
          let qrs = 0;
          const onQr = ({ agentId, qr }: { agentId: string; qr: unknown }) => {
            if (agentId === 'ann' && qr) qrs += 1;
          };
          const { events } = service.app.system;
          const noticed = new Promise<void>((resolve) => {
            const onState = ({ agentId, from }: { agentId: string; from: string | null }) => {
              if (agentId !== 'ann' || from !== 'connected') return;
              events.off('state', onState);
              resolve();
            };
            events.on('state', onState);
          });
          events.on('qr', onQr);
          const struck = performance.now();
          hit();
          await noticed;
          const seen = performance.now();
          cure?.();
          await eventually(
            'ann to be connected again',
            async () => (await session('ann')).status === 'connected',
          );
          const back = performance.now();
          events.off('qr', onQr);
          expect(qrs, 'QRs').to.equal(0);
          return { noticedMs: Math.round(seen - struck), backMs: Math.round(back - seen) };
        }

        /** A fault of ann. */
        interface Strike {
          title: string;
          hit: () => void;
          cure?: () => void;
          /** With this suite's limits; those of production are in `settings.ts`. */
          noticedWithinMs: number;
        }

        const strikes: Strike[] = [
          {
            title: 'whose process is killed',
            hit: () => signal('SIGKILL', browsers('ann')),
            noticedWithinMs: 5_000,
          },
          {
            title: 'whose page crashes',
            hit: () => signal('SIGKILL', renderers('ann')),
            noticedWithinMs: 5_000,
          },
          // Three probes of a second each without an answer, shortened from the 45 s of production.
          {
            title: 'whose page freezes',
            hit: () => signal('SIGSTOP', renderers('ann')),
            noticedWithinMs: 20_000,
          },
          {
            title: 'whose page stops answering',
            hit: () => network.faults.freeze(NUMBERS.ann, true),
            noticedWithinMs: 20_000,
          },
          // Twelve probes without a connection, shortened from the 75 s of production.
          {
            title: 'that loses the network',
            hit: () => network.faults.drop(NUMBERS.ann),
            cure: () => network.faults.restore(NUMBERS.ann),
            noticedWithinMs: 45_000,
          },
        ];
        for (const each of strikes) {
          it(`${each.title} is detected and replaced without a QR, and the other agent keeps sending`, async function () {
            this.timeout(120_000 + RUNS * 60_000);
            const results: Awaited<ReturnType<typeof strike>>[] = [];
            const sends: number[] = [];
            for (let run = 0; run < RUNS; run += 1) {
              await steady('ann');
              const [bens] = browsers('ben');
              const { restarts } = (await session('ben')).supervisor as { restarts: number };
              const ben = await sendingMeanwhile('ben', async () => {
                results.push(await strike(each));
              });
              sends.push(...ben.latencies);
              expect(ben.errors, `ben's errors`).to.deep.equal([]);
              expect(browsers('ben')).to.deep.equal([bens]);
              expect((await session('ben')).supervisor).to.include({ restarts });
              expect(browsers('ann'), `ann's browsers`).to.have.length(1);
              expect((await send('ann', `after ${each.title} ${run}`)).status).to.equal(200);
            }
            const noticed = results.map(({ noticedMs }) => noticedMs);
            const back = results.map(({ backMs }) => backMs);
            reportFigures('P4 P6 P7', `a browser ${each.title}, ${times(RUNS)}`, {
              'noticed after ms, median': quantile(noticed, 0.5),
              'at most': Math.max(...noticed),
              'back after ms, median': quantile(back, 0.5),
              'and at most': Math.max(...back),
              QRs: 0,
              'sends of the other agent': sends.length,
              'its errors': 0,
              'its restarts': 0,
            });
            expect(Math.max(...noticed), 'noticed').to.be.below(each.noticedWithinMs);
            expect(Math.max(...back), 'back').to.be.below(BACK_WITHIN_MS);
          });
        }
      }),
    { byNumberOnly: true },
  );
});
