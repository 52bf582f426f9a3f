import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { expect } from 'chai';
import { DEMO } from '../../src/sandbox/control-api/demo.ts';
import { EventStream } from '../support/event-stream.ts';
import { eventually } from '../support/eventually.ts';
import { processesIn } from '../support/processes.ts';
import { SandboxCommand } from '../support/sandbox-command.ts';
import { findProcNet, foreignSockets } from '../support/sockets.ts';
import { whereFound } from '../support/where-found.ts';

const PHONES = 50;
const MAX_MEMORY_BYTES = 300 * 1024 ** 2;

describe('npm run sandbox', function () {
  this.timeout(180_000);
  let sandbox: SandboxCommand;
  let sniffer: NodeJS.Timeout;
  const foreign = new Set<string>();

  before(async () => {
    sandbox = await SandboxCommand.start();
    // A single check at the end would miss short connections.
    sniffer = setInterval(() => {
      for (const line of foreignSockets([...sandbox.processes(), ...processesIn(sandbox.dir)]))
        foreign.add(line);
    }, 50);
  });
  after(async () => {
    clearInterval(sniffer);
    await sandbox?.close();
    expect(processesIn(sandbox.dir), 'processes left').to.deep.equal([]);
  });

  it('prints where everything is', async () => {
    for (const path of ['/sandbox/phone', '/inspector', '/docs', '/metrics']) {
      expect(sandbox.words).to.include(`${sandbox.url}${path}\n`);
      expect((await fetch(sandbox.url + path)).status).to.equal(200);
    }
  });

  it('redirects /sandbox to the virtual phone', async () => {
    expect((await fetch(`${sandbox.url}/sandbox`)).url).to.equal(`${sandbox.url}/sandbox/phone`);
  });

  it('prints a cURL that sends a message unchanged, which is answered', async () => {
    const { stdout } = spawnSync('bash', ['-c', sandbox.firstCommand], { encoding: 'utf8' });
    expect(JSON.parse(stdout)).to.include({ status: 'sent', to: '15550000004@c.us' });
    await eventually('the answer', async () => {
      const { body } = await sandbox.call('GET', '/sandbox/phones/cafe/messages');
      return (body as unknown as { body: string }[]).some((message) => message.body === 'pong');
    });
  });

  it('writes only JSON to stdout, one object per line', () => {
    expect(sandbox.log).to.have.length.above(3);
    for (const line of sandbox.log) expect(line).to.include.keys('level', 'time', 'event');
  });

  it('has a linked agent and one that shows a QR, also after seeding again', async () => {
    const phones = async () => {
      const { body } = await sandbox.call('GET', '/sandbox/phones');
      return (body as unknown as Record<string, unknown>[]).map(({ agentId, status }) => [agentId, status]);
    };
    const demo = [
      [DEMO.linked.agentId, 'connected'],
      [DEMO.awaiting.agentId, 'awaiting_qr'],
    ];
    expect(await phones()).to.deep.equal(demo);
    expect((await sandbox.call('POST', '/sandbox/seed')).status).to.equal(200);
    expect(await phones()).to.deep.equal(demo);
  });

  it('publishes the scan of a phone to viewers of the agent', async () => {
    const stream = await EventStream.open(`${sandbox.url}/sessions/shop/events`);
    await sandbox.call('POST', '/sandbox/phones/shop/scan');
    await stream.has('"status":"connected"');
    stream.close();
  });

  it('sets X-Sandbox on every answer, including pages, errors and answers to invalid HTTP', async () => {
    const paths = ['/health', '/metrics', '/docs', '/inspector', '/sandbox/phone', '/sandbox/numbers'];
    const refused = ['/nowhere', '/agents/cafe/messages', '/sessions/unknown', '/web/assets/none.js'];
    for (const path of [...paths, ...refused]) {
      const { headers } = await fetch(sandbox.url + path);
      expect(headers.get('x-sandbox'), path).to.equal('true');
    }
    const { hostname, port } = new URL(sandbox.url);
    const raw = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(port), hostname, () => socket.write('this is no HTTP\r\n\r\n'));
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk.toString();
      });
      socket.on('close', () => resolve(text)).on('error', reject);
    });
    expect(raw).to.match(/^HTTP\/1\.1 400 [\s\S]*\r\nX-Sandbox: true\r\n/);
  });

  it(`runs ${PHONES} linked phones in less than 300 MB`, async () => {
    const names = Array.from({ length: PHONES - 2 }, (_, index) => `phone-${index}`);
    for (const [index, name] of names.entries())
      await sandbox.link(name, `62812000${String(index).padStart(5, '0')}`);
    for (const name of names)
      await sandbox.call('POST', `/agents/${name}/messages`, { to: '6285000000001', message: 'hi' });
    const metrics = await (await fetch(`${sandbox.url}/metrics`)).text();
    const [, bytes] = /^process_resident_memory_bytes (\S+)$/m.exec(metrics)!;
    console.log(`      ${Math.round(Number(bytes) / 1024 ** 2)} MB`);
    expect(Number(bytes)).to.be.below(MAX_MEMORY_BYTES);
  });

  it('imports nothing of the real driver', () => {
    expect(sandbox.words).to.match(/IMPORTED \S+\/sandbox\/driver\/sandbox-driver\.js/);
    expect(sandbox.words).not.to.match(/IMPORTED \S+(whatsapp-web|puppeteer|wwebjs)/);
  });

  whereFound('and the network', findProcNet(), 'no /proc/net found: it is on Linux alone', () => {
    it('opens no connection beyond this machine', async () => {
      // Proves that the check sees open sockets: here, one of the test itself.
      const open = createSocket('udp4');
      await new Promise<void>((resolve) => open.bind(0, '0.0.0.0', resolve));
      expect(foreignSockets([process.pid])).to.have.length(1);
      open.close();
      expect(sandbox.processes()).to.have.length.above(1);
      expect([...foreign]).to.deep.equal([]);
    });
  });
});
