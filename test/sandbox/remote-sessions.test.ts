import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { pino } from 'pino';
import type { WhatsAppClient } from '../../src/actors/domain/ports/whatsapp.ts';
import { HOST_CLOCK } from '../../src/infra/host-clock.ts';
import { SandboxNetwork } from '../../src/sandbox/network/network.ts';
import { type NetworkService, serveNetwork } from '../../src/sandbox/remote/network-service.ts';
import { RemoteSandboxDriver } from '../../src/sandbox/remote/remote-driver.ts';
import type { DoubleAct } from '../../src/sandbox/remote/session-host.ts';
import { callApi } from '../support/api.ts';
import { text } from '../support/contents.ts';
import { eventually } from '../support/eventually.ts';
import { failureOf } from '../support/failure.ts';
import { agentRef, BOT_CHAT as BOT, CUSTOMER_CHAT as CUSTOMER } from '../support/fixtures.ts';
import { next } from '../support/wwebjs.ts';

describe('a simulated WhatsApp that services in other processes share', () => {
  const agent = agentRef('shop');
  let folder: string;
  let service: NetworkService;
  let one: RemoteSandboxDriver;
  let other: RemoteSandboxDriver;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'shared-'));
    service = await serveNetwork(new SandboxNetwork(), { port: 0, logger: pino({ level: 'silent' }) });
    const driver = (name: string) =>
      new RemoteSandboxDriver(service.url, { authDir: join(folder, name), clock: HOST_CLOCK });
    one = driver('one');
    other = driver('other');
  });
  afterEach(async () => {
    await Promise.all([one.close(), other.close()]);
    await service.close();
    await rm(folder, { recursive: true });
  });

  /** Starts a client of the agent, and scans its QR on the phone's page. */
  async function linked(): Promise<WhatsAppClient> {
    const client = one.create(agent);
    const ready = next(client, 'ready');
    await Promise.all([next(client, 'qr'), client.start()]);
    const scan = await callApi(service.url, 'POST', '/sandbox/phones/shop/scan', {
      number: BOT.split('@')[0],
    });
    expect(scan.status).to.equal(200);
    await ready;
    return client;
  }

  /** Starts a client of the agent at the other service, with a copy of the login. */
  async function moved(): Promise<WhatsAppClient> {
    await cp(join(folder, 'one'), join(folder, 'other'), { recursive: true });
    const client = other.create(agent);
    await Promise.all([next(client, 'ready'), client.start()]);
    return client;
  }

  /** What the network recorded. */
  const doubleActs = async () =>
    (await callApi(service.url, 'GET', '/sandbox/double-acts')).body as unknown as DoubleAct[];

  it('has one account for all of them: a login that was moved needs no scan, and sees its chats', async () => {
    const first = await linked();
    await first.send(CUSTOMER, text('from the first'));
    await first.destroy();
    const second = await moved();
    const query = { to: CUSTOMER, content: text('from the first'), since: 0 };
    expect(await second.findSent(query)).to.have.length(1);
    expect(await doubleActs()).to.deep.equal([]);
  });

  it('records a session that acts on beside a newer one with its login', async () => {
    const first = await linked();
    const replaced = next(first, 'disconnected');
    await moved();
    expect(await replaced).to.equal('CONFLICT');
    const [act] = await eventually('a double act', async () => {
      const acts = await doubleActs();
      return acts.length > 0 && acts;
    });
    expect(act).to.include({ agentId: 'shop', act: 'ping' });
    expect(act?.afterMs).to.be.above(250);
  });

  it('reports a crash to its sessions when it ends, and fails a start while it is away', async () => {
    const client = await linked();
    const crashed = next(client, 'crash');
    await service.close();
    expect(await crashed).to.contain('closed the session');
    const error = await failureOf(one.create(agentRef('late')).start());
    expect(error.code).to.equal('SESSION_START_FAILED');
  });

  it('serves the agents that have a session on the phone’s page, and creates none', async () => {
    const client = one.create(agent);
    await Promise.all([next(client, 'qr'), client.start()]);
    const { body: phones } = await callApi(service.url, 'GET', '/sandbox/phones');
    expect(phones).to.have.length(1);
    expect(phones[0]).to.include({ agentId: 'shop', status: 'awaiting_qr', linked: false });
    expect((await callApi(service.url, 'POST', '/sandbox/seed', {})).status).to.equal(409);
  });
});
