import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { browsersOf } from '../../src/infra/whatsapp/wwebjs/processes.ts';
import { SandboxNetwork } from '../../src/sandbox/network/network.ts';
import { whenChromium } from '../support/chromium.ts';
import { eventually } from '../support/eventually.ts';
import { Stream, total } from '../support/ledger.ts';
import { linkAgent } from '../support/link-agent.ts';
import { Deployment, Pm2 } from '../support/pm2.ts';
import { processesIn } from '../support/processes.ts';
import { type StandIn, startStandIn } from '../support/stand-in/index.ts';
import { findProgram, whereFound } from '../support/where-found.ts';

const TEXTS = 40;
/** Slow enough that messages wait on every machine. */
const LATENCY_MS = 1_000;
const WAITING = 10;

/** Chromium with further arguments; a wrapper, since the environment can't pass arguments with spaces. */
async function wrapped(executablePath: string, args: string[], folder: string): Promise<string> {
  const path = join(folder, 'chromium');
  const quoted = args.map((arg) => `'${arg}'`).join(' ');
  await writeFile(path, `#!/bin/sh\nexec '${executablePath}' "$@" ${quoted}\n`, { mode: 0o755 });
  return path;
}

whereFound(
  'the service under pm2',
  findProgram('pm2'),
  'no pm2 found: npm install -g pm2@7.0.4',
  function suite(this: Mocha.Suite, program) {
    this.timeout(120_000);
    let pm2: Pm2;
    let service: Deployment;

    before(async () => {
      pm2 = await Pm2.create(program);
    });
    after(() => pm2.kill());
    beforeEach(async () => {
      service = await Deployment.create(pm2);
    });
    afterEach(() => service.close());

    /** Starts the service with two linked agents and slow sends. */
    async function linked(): Promise<Stream[]> {
      const streams = [1, 2].map((index) => new Stream(index));
      await service.start();
      for (const { agentId, number } of streams) await service.link(agentId, number);
      return streams;
    }

    /** Sets the time of a send on the simulated WhatsApp. */
    async function latency(streams: Stream[], latencyMs: number): Promise<void> {
      for (const { agentId } of streams) await service.delaySends(agentId, latencyMs);
    }

    /** Sends texts and, once some of them are queued, runs the interruption. */
    async function duringSends(streams: Stream[], act: () => Promise<unknown>): Promise<void> {
      await latency(streams, LATENCY_MS);
      const writing = Promise.all(streams.map((stream) => stream.write(service, TEXTS)));
      for (const stream of streams) {
        await eventually('accepted messages to wait', async () => {
          const { length } = await service.sentTexts(stream.agentId, stream.customer);
          return stream.accepted.size >= length + WAITING;
        });
      }
      await act();
      await writing;
      for (const { agentId } of streams) await service.connected(agentId);
      await latency(streams, 0);
    }

    /** The outcomes of all accepted messages. */
    async function findings(streams: Stream[]) {
      return total(await Promise.all(streams.map((stream) => stream.audit(service))));
    }

    it('is ready when `pm2 start` returns', async () => {
      await service.start();
      expect((await service.call('GET', '/readyz')).body).to.include({ status: 'ok' });
      expect(await pm2.find()).to.include({ status: 'online', restarts: 0 });
    });

    it('loses and repeats nothing when it is stopped and reloaded during sends, exits 0 and leaves no child', async () => {
      const streams = await linked();
      const earlier = (await pm2.exits()).length;
      await duringSends(streams, async () => {
        await pm2.run(['stop', 'whatsapp-gateway']);
        expect(await pm2.find()).to.include({ pid: 0, status: 'stopped' });
        expect(processesIn(service.dir), 'processes left').to.deep.equal([]);
        await service.start();
      });
      const before = (await pm2.find())!.pid;
      await duringSends(streams, async () => {
        await pm2.run(['reload', 'whatsapp-gateway']);
        expect((await service.call('GET', '/readyz')).status).to.equal(200);
      });
      expect((await pm2.find())!.pid).not.to.equal(before);
      const found = await findings(streams);
      expect(found.accepted).to.be.above(4 * WAITING);
      expect(found).to.include({ lost: 0, duplicates: 0, inversions: 0 });
      expect((await pm2.exits()).slice(earlier)).to.deep.equal(Array(2).fill('code [0] via signal [SIGINT]'));
    });

    it('restarts automatically after kill -9, has lost nothing, and leaves no orphan', async () => {
      const streams = await linked();
      const { pid } = (await pm2.find())!;
      const family = processesIn(service.dir);
      expect(family).to.include(pid).and.to.have.length.above(1);
      await duringSends(streams, async () => {
        process.kill(pid, 'SIGKILL');
        await eventually('pm2 to start it again', async () => (await pm2.find())!.restarts === 1);
        await eventually('it to be ready', () =>
          service.call('GET', '/readyz').then(
            ({ status }) => status === 200,
            () => false,
          ),
        );
      });
      expect(
        processesIn(service.dir).filter((each) => family.includes(each)),
        'orphans',
      ).to.deep.equal([]);
      const found = await findings(streams);
      expect(found).to.include({ lost: 0, inversions: 0 });
      expect(found.duplicates, 'at most one of each agent').to.be.at.most(streams.length);
    });

    it('stops once at an invalid configuration, with every fault listed', async () => {
      const faults = { PORT: 'many', SEND_BURST: '0', AI_TIMEOUT_MS: 'soon' };
      await service.start(faults);
      // By then pm2 would have restarted it.
      await pm2.run(['start', 'false', '--name', 'other', '--restart-delay', '2000']);
      await eventually(
        'pm2 to restart what ended later',
        async () => (await pm2.find('other'))!.restarts > 0,
      );
      const found = (await pm2.find())!;
      expect(found).to.include({ pid: 0, restarts: 0, exitCode: 78 });
      const errors = await readFile(found.errorFile, 'utf8');
      for (const name of Object.keys(faults)) expect(errors).to.include(name);
    });

    whenChromium('with whatsapp-web.js', (executablePath) => {
      const network = new SandboxNetwork();
      let standIn: StandIn;

      before(async () => {
        standIn = await startStandIn(network);
      });
      after(async () => {
        await standIn.close();
        network.close();
      });

      it('has no browser left after a stop during a send, and needs no new scan after the next start', async () => {
        const env = {
          WHATSAPP_DRIVER: 'wwebjs',
          PUPPETEER_EXECUTABLE_PATH: await wrapped(executablePath, standIn.chromiumArgs, service.dir),
        };
        await service.start(env, 'production');
        await linkAgent({ url: service.url, network }, 'shop');
        const profile = join(service.dir, '.wwebjs_auth', 'shop', 'session');
        expect(browsersOf(profile), 'browsers').not.to.deep.equal([]);
        const sending = service.call('POST', '/agents/shop/messages', { to: '6281200000001', message: '1' });
        await pm2.run(['stop', 'whatsapp-gateway']);
        expect((await pm2.exits()).at(-1)).to.equal('code [0] via signal [SIGINT]');
        expect(processesIn(service.dir), 'processes left').to.deep.equal([]);
        await sending.catch(() => undefined);
        await service.start(env, 'production');
        await service.connected('shop');
      });
    });
  },
);
