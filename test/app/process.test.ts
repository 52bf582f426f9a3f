import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { eventually } from '../support/eventually.ts';
import { type ServiceProcess, startProcess } from '../support/service-process.ts';

const CUSTOMER = '6281234567890@c.us';
const KEY = { authorization: 'Bearer demo-key' };

describe('the process', () => {
  let dir: string;
  let running: ServiceProcess | null = null;

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'gateway-'));
  });
  afterEach(async () => {
    if (running && running.child.exitCode === null && running.child.signalCode === null)
      await running.end('SIGTERM');
    running = null;
    await rm(dir, { recursive: true, force: true });
  });

  /** Starts the service on the simulated network and the embedded Postgres of this test's folder. */
  function start(env: Record<string, string> = {}): ServiceProcess {
    running = startProcess({
      WHATSAPP_DRIVER: 'sandbox',
      DATA_DIR: join(dir, 'data'),
      TEMP_DIR: join(dir, 'temp'),
      SEND_RATE_PER_MINUTE: '600000',
      SEND_BURST: '10000',
      ...env,
    });
    return running;
  }

  /** Calls the API with a JSON body. */
  async function post(url: string, body: unknown, headers: Record<string, string> = {}) {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  }

  /** Creates an agent and links it. */
  async function link(url: string): Promise<void> {
    await post(`${url}/sessions`, { userId: 1, agentId: 'demo', agentName: 'Demo', apikey: 'demo-key' });
    await post(`${url}/sandbox/phones/demo/scan`, { number: '6281111111111' });
    await connected(url);
  }

  /** Waits until the agent is connected. */
  const connected = (url: string) =>
    eventually('the connection', async () => {
      const response = await fetch(`${url}/sessions/demo`);
      return response.ok && ((await response.json()) as { status: string }).status === 'connected';
    });

  /** Texts that the customer got from the agent, in order. */
  async function received(url: string): Promise<string[]> {
    const response = await fetch(`${url}/sandbox/phones/demo/messages?limit=1000`);
    const messages = (await response.json()) as {
      fromMe: boolean;
      body: string;
      chatId: string;
      ack: number;
    }[];
    return messages.filter((message) => message.fromMe && message.ack >= 1).map((message) => message.body);
  }

  it('lists every fault of a bad configuration and exits with 78', async () => {
    const service = start({ PORT: 'many', LOG_LEVEL: 'loud', DB_URL: 'mysql://secret@host/db' });
    const [code] = (await once(service.child, 'exit')) as [number];
    expect(code).to.equal(78);
    for (const name of ['PORT', 'LOG_LEVEL', 'DB_URL']) expect(service.output()).to.include(name);
    expect(service.output()).not.to.include('secret');
  });

  it('exits non-zero when its port is taken', async () => {
    const first = start();
    const { port } = new URL(await first.url());
    const second = startProcess({ WHATSAPP_DRIVER: 'sandbox', DATA_DIR: join(dir, 'other'), PORT: port });
    const [code] = (await once(second.child, 'exit')) as [number];
    expect(code).to.equal(1);
    expect(second.output()).to.include('EADDRINUSE');
  });

  it('refuses the sandbox in production', async () => {
    const service = start({ NODE_ENV: 'production' });
    const [code] = (await once(service.child, 'exit')) as [number];
    expect(code).to.equal(1);
    expect(service.output()).to.include('NODE_ENV=production');
  });

  it('drains on SIGTERM and SIGINT, exits 0, and comes back connected without a scan', async () => {
    let service = start();
    await link(await service.url());
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      expect(await service.end(signal)).to.deep.equal({ code: 0, signal: null });
      service = start();
      await connected(await service.url());
    }
  });

  it('loses nothing that it accepted when it is killed, sends it in order, and once', async function () {
    this.timeout(60_000);
    const accepted: string[] = [];
    let service = start();
    let url = await service.url();
    await link(url);
    for (let kill = 0; kill < 3; kill += 1) {
      // A burst that is cut off somewhere in the middle of being sent.
      const burst = Array.from({ length: 40 }, (_, i) => `kill ${kill} message ${i}`);
      for (const message of burst) {
        const { status } = await post(
          `${url}/agents/demo/messages`,
          { to: CUSTOMER, message },
          { ...KEY, prefer: 'respond-async' },
        );
        expect(status).to.equal(202);
        accepted.push(message);
      }
      await service.end('SIGKILL');
      service = start();
      url = await service.url();
      await connected(url);
    }
    const texts = await eventually('the queue to drain', async () => {
      const all = await received(url);
      return accepted.every((text) => all.includes(text)) ? all : undefined;
    });
    const firsts = [...new Set(texts)].filter((text) => accepted.includes(text));
    expect(firsts).to.deep.equal(accepted);
    expect(texts.length - firsts.length, 'duplicates').to.be.at.most(3);
  });
});
