import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { expect } from 'chai';
import { eventually } from '../support/eventually.ts';
import { KEY } from '../support/fixtures.ts';
import { png } from '../support/images.ts';
import { SandboxService } from '../support/sandbox-service.ts';

/** That of all agents which `SandboxApi` links. */
const MEGABYTE = 1024 * 1024;
const AGENTS = ['one', 'two', 'three'];
const UPLOADS = 60;
const LENGTH = 14_000_000;
/** All but the last piece of each body, so that none of them ever ends. */
const SENT = Buffer.alloc(13_500_000, 'A');
/** Of 64 MB, 48 are for images; the rest is what each of them costs besides, and the garbage of it all. */
const MAX_GROWTH_MB = 350;

/** The most memory that a process ever had, in MB (Linux). */
function peakOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
}

describe(`${UPLOADS} uploads of 14 MB at once, of which none ends`, function () {
  this.timeout(120_000);
  let service: SandboxService;
  const sockets: { socket: Socket; told: () => string }[] = [];

  before(async () => {
    service = await SandboxService.create({ UPLOAD_BUDGET_MB: '64' });
    await service.up();
    for (const [index, agentId] of AGENTS.entries()) await service.link(agentId, `628110000000${index}`);
  });
  after(async () => {
    for (const { socket } of sockets) socket.destroy();
    await service.close();
  });

  /** Begins an upload with an agent's key and sends nearly all of it. */
  function begin(agentId: string): void {
    const socket = connect(Number(new URL(service.url).port), '127.0.0.1');
    let told = '';
    socket
      .on('error', () => {})
      .on('data', (chunk) => {
        told += chunk;
      });
    socket.write(
      `POST /agents/${agentId}/media HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${KEY}\r\n` +
        `Content-Type: application/json\r\nContent-Length: ${LENGTH}\r\n\r\n{"to":"081234567890","data":"`,
    );
    socket.write(SENT);
    sockets.push({ socket, told: () => told });
  }

  /** An honest upload of nearly the largest image. */
  const good = (agentId: string) => {
    const data = Buffer.concat([png(8, 8), Buffer.alloc(10 * MEGABYTE - 1_000)]).toString('base64');
    return service.call('POST', `/agents/${agentId}/media`, { to: '081234567890', data });
  };

  it('take no more memory than the budget, are told to come again, and leave everything as it was', async () => {
    const { pid } = service.running.child;
    const before = peakOf(pid!);
    for (let upload = 0; upload < UPLOADS; upload += 1) begin(AGENTS[upload % AGENTS.length]!);
    const refused = () => sockets.filter(({ told }) => told() !== '');
    await eventually('all but three to be refused', () => refused().length === UPLOADS - 3, 60_000);
    for (const { told } of refused()) {
      expect(told()).to.match(/^HTTP\/1\.1 429 /);
      expect(told())
        .to.include('"code":"RATE_LIMITED"')
        .and.to.match(/\r\nRetry-After: 1\r\n/);
    }
    const sent = sockets.filter(({ told }) => told() === '');
    await eventually('the others to have sent theirs', () =>
      sent.every(({ socket }) => !socket.writableLength),
    );
    expect(peakOf(pid!) - before, 'MB').to.be.below(MAX_GROWTH_MB);

    const text = { to: '081234567890', message: 'hello' };
    const { status } = await service.call('POST', '/agents/one/messages', text);
    expect(status, 'a text meanwhile').to.equal(200);

    for (const { socket } of sockets) socket.destroy();
    for (const agentId of AGENTS) {
      await eventually(`an upload of ${agentId} to pass`, async () => (await good(agentId)).status === 200);
    }
    expect(peakOf(pid!) - before, 'MB').to.be.below(MAX_GROWTH_MB);
    expect(service.running.child.exitCode).to.equal(null);
  });
});
