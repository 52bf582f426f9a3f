import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { browsersOf } from '../../src/infra/whatsapp/wwebjs/processes.ts';
import { SandboxNetwork } from '../../src/sandbox/network/network.ts';
import { whenChromium } from '../support/chromium.ts';
import { eventually } from '../support/eventually.ts';
import { faultRuns, quantile, reportFigures, times } from '../support/fault-runs.ts';
import { Stream } from '../support/ledger.ts';
import { linkAgent } from '../support/link-agent.ts';
import { withDatabase } from '../support/postgres.ts';
import { argumentsOf } from '../support/processes.ts';
import { SandboxService } from '../support/sandbox-service.ts';
import { type StandIn, startStandIn } from '../support/stand-in/index.ts';

const KILLS = faultRuns(1, 20);
const REJECTIONS = 50;

describe('an unhandled error', () => {
  const database = withDatabase();
  let service: SandboxService;

  beforeEach(async () => {
    service = await SandboxService.create({ DB_URL: database().url }, { door: true });
  });
  afterEach(() => service.close());

  it('is counted and does not end the process: a rejection with a bare string, a throw in a timer', async () => {
    const stream = new Stream(1);
    const running = await service.up();
    await service.link(stream.agentId, stream.number);
    for (let count = 0; count < REJECTIONS; count += 1) {
      await running.ask({ reject: 'auth timeout' });
      await running.ask({ throwText: 'a bug' });
    }
    const counted = await eventually('all to be counted', async () => {
      const metrics = await (await fetch(`${service.url}/metrics`)).text();
      const of = (where: string) =>
        Number(new RegExp(`wa_faults_total\\{where="${where}"\\} (\\d+)`).exec(metrics)?.[1]);
      const found = {
        unhandledRejection: of('unhandledRejection'),
        uncaughtException: of('uncaughtException'),
      };
      return Object.values(found).every((count) => count === REJECTIONS) && found;
    });
    await stream.write(service, 5);
    const { lost } = await stream.audit(service);
    reportFigures('P5', `${2 * REJECTIONS} unhandled errors in a process with a linked agent`, {
      ...counted,
      exits: running.child.exitCode === null ? 0 : 1,
      'messages lost afterwards': lost,
    });
    expect(running.child.exitCode).to.equal(null);
    expect(running.output()).to.include('auth timeout');
    expect(lost).to.equal(0);
  });
});

whenChromium('a service with a browser, killed with SIGKILL', (executablePath) => {
  const database = withDatabase();
  const network = new SandboxNetwork();
  let standIn: StandIn;
  let service: SandboxService;

  before(async () => {
    standIn = await startStandIn(network);
    service = await SandboxService.create({
      DB_URL: database().url,
      WHATSAPP_DRIVER: 'wwebjs',
    });
  });
  after(async () => {
    await service?.close();
    await standIn?.close();
    network.close();
  });

  /** The processes of the agent's browser. */
  const browsers = () => browsersOf(join(service.dir, 'auth', 'shop', 'session'));
  /** The main processes among them. */
  const mains = () =>
    browsers().filter((pid) => !argumentsOf(pid).some((argument) => argument.startsWith('--type=')));

  it('leaves no browser, and reconnects with one and without a QR', async function () {
    this.timeout(120_000 + KILLS * 30_000);
    const chromium = await chromiumOnStandIn();
    const env = { PUPPETEER_EXECUTABLE_PATH: chromium, WWEBJS_AUTH_DIR: join(service.dir, 'auth') };
    let running = await service.up(env);
    await linkAgent({ url: service.url, network }, 'shop');
    const goneMs: number[] = [];
    for (let kill = 0; kill < KILLS; kill += 1) {
      expect(mains(), 'browsers').to.have.length(1);
      await running.end('SIGKILL');
      const killed = performance.now();
      await eventually('the browser to be gone', () => browsers().length === 0);
      goneMs.push(Math.round(performance.now() - killed));
      running = await service.up(env);
      await service.connected('shop');
    }
    expect(mains(), 'browsers').to.have.length(1);
    expect(await running.end('SIGTERM')).to.deep.equal({ code: 0, signal: null });
    reportFigures('P7', `kill -9 of the service with a browser, ${times(KILLS)}, then SIGTERM`, {
      'browser gone after ms, median': quantile(goneMs, 0.5),
      'at most': Math.max(...goneMs),
      'connected again': KILLS,
      QRs: 0,
      'browsers left at the end': browsers().length,
    });
    expect(browsers()).to.deep.equal([]);
  });

  /** A script that runs Chromium on the stand-in, since the environment can't pass arguments with spaces. */
  async function chromiumOnStandIn(): Promise<string> {
    const path = join(service.dir, 'chromium');
    const quoted = standIn.chromiumArgs.map((argument) => `'${argument}'`).join(' ');
    await writeFile(path, `#!/bin/sh\nexec ${executablePath} ${quoted} "$@"\n`);
    await chmod(path, 0o755);
    return path;
  }
});
