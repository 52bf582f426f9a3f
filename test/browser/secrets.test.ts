import { readFileSync } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { createSandbox, type SinonSandbox } from 'sinon';
import { launchOptions } from '../../src/infra/whatsapp/wwebjs/chromium.ts';
import { browsersOf, processesOfGroup } from '../../src/infra/whatsapp/wwebjs/processes.ts';
import { whenChromium } from '../support/chromium.ts';
import { eventually } from '../support/eventually.ts';
import { argumentsOf, processesIn } from '../support/processes.ts';
import { SandboxService } from '../support/sandbox-service.ts';

const SECRETS = {
  SESSIONS_TOKEN: 'token-that-chromium-must-not-see',
  AI_BACKEND_URL: 'http://127.0.0.1:9/path-that-chromium-must-not-see',
  AWS_SECRET_ACCESS_KEY: 'cloud-key-that-chromium-must-not-see',
};

whenChromium('a Chromium of the whole service', (executablePath) => {
  let service: SandboxService;
  /** A proxy that never answers, so that Chromium reaches no host and stays as it is during the test. */
  let silence: Server;

  beforeEach(async () => {
    silence = createServer((socket) => socket.on('error', () => {}).resume());
    await new Promise<void>((resolve) => silence.listen(0, '127.0.0.1', resolve));
    service = await SandboxService.create({
      WHATSAPP_DRIVER: 'wwebjs',
      PUPPETEER_EXECUTABLE_PATH: executablePath,
      QR_WAIT_MS: '0',
      CHROMIUM_ARGS: `--proxy-server=http://127.0.0.1:${(silence.address() as AddressInfo).port}`,
      ...SECRETS,
    });
  });
  afterEach(async () => {
    await service.close();
    await new Promise<void>((resolve) => silence.close(() => resolve()));
  });

  /** Every file and folder below this one that other users may read. */
  async function openToOthers(dir: string): Promise<string[]> {
    const found: string[] = [];
    for (const name of await readdir(dir)) {
      const path = join(dir, name);
      const entry = await lstat(path).catch(() => null);
      if (entry === null || entry.isSymbolicLink()) continue;
      if ((entry.mode & 0o077) !== 0) found.push(path);
      if (entry.isDirectory()) found.push(...(await openToOthers(path).catch(() => [])));
    }
    return found;
  }

  it('gets no secret, opens no port, keeps its sandbox unless configured otherwise, and a private profile', async function () {
    this.timeout(120_000);
    // The profile is below the service's folder, so that it is deleted with it.
    const auth = join(service.dir, 'auth');
    const { output } = await service.up({ WWEBJS_AUTH_DIR: auth });
    const key = 'agent-key-that-chromium-must-not-see';
    const agent = { userId: 1, agentId: 'shop', agentName: 'Shop', apikey: key };
    const token = { authorization: `Bearer ${SECRETS.SESSIONS_TOKEN}` };
    expect((await service.call('POST', '/sessions', agent, token)).status).to.equal(202);
    const profile = join(auth, 'shop', 'session');
    const processes = await eventually('Chromium with its page', () => {
      const [browser] = browsersOf(profile);
      const all = browser === undefined ? [] : processesOfGroup(browser);
      return all.some((pid) => argumentsOf(pid).join(' ').includes('--type=renderer')) && all;
    });
    const isRoot = process.getuid?.() === 0;
    for (const pid of processes) {
      const texts = [argumentsOf(pid).join('\n')];
      try {
        texts.push(readFileSync(`/proc/${pid}/environ`, 'utf8'));
      } catch {
        // The environment of a sandboxed renderer is not readable.
      }
      for (const text of texts) {
        expect(text).not.to.include('must-not-see');
        expect(text).not.to.match(/remote-debugging-(port|address)/);
        if (!isRoot) expect(text).not.to.include('--no-sandbox');
      }
    }
    expect(output().includes("Chromium's own sandbox is off")).to.equal(isRoot);
    expect(await openToOthers(auth)).to.deep.equal([]);
    expect((await lstat(auth)).mode & 0o777).to.equal(0o700);
    await service.running.end('SIGTERM');
    expect(output()).not.to.include('must-not-see');
    expect(processesIn(service.dir)).to.deep.equal([]);
  });
});

describe('the arguments of Chromium', () => {
  let sinon: SinonSandbox;
  beforeEach(() => {
    sinon = createSandbox();
  });
  afterEach(() => sinon.restore());

  for (const [uid, sandbox, isOff] of [
    [1000, 'auto', false],
    [1000, 'on', false],
    [1000, 'off', true],
    [0, 'auto', true],
    [0, 'on', false],
    [0, 'off', true],
  ] as const) {
    it(`${isOff ? 'turn' : 'do not turn'} its sandbox off for user ${uid} and CHROMIUM_SANDBOX=${sandbox}`, () => {
      sinon.stub(process, 'getuid').returns(uid);
      const settings = { sandbox, extraArgs: [], protocolTimeoutMs: 1, environment: {} };
      const { args, pipe } = launchOptions(settings, '/chromium');
      expect(args?.includes('--no-sandbox')).to.equal(isOff);
      expect(pipe).to.equal(true);
    });
  }
});
