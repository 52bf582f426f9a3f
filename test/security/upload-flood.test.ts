import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { expect } from 'chai';
import { eventually } from '../support/eventually.ts';
import { KEY } from '../support/fixtures.ts';
import { png } from '../support/images.ts';
import { SandboxService } from '../support/sandbox-service.ts';

const MEGABYTE = 1024 * 1024;
const AGENTS = ['one', 'two', 'three'];
const UPLOADS = 60;
const LENGTH = 14_000_000;
/** All but the last piece of each body, so that none completes. */
const SENT = Buffer.alloc(13_500_000, 'A');
/** Of 64 MB, 48 are for images; the rest is overhead and garbage. */
const MAX_GROWTH_MB = 350;

/** The peak memory of a process, MB (Linux). */
function peakOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
}

describe(`${UPLOADS} uploads of 14 MB at once, of which none completes`, function () {
  this.timeout(120_000);
  let service: SandboxService;
  const sockets: { socket: Socket; response: () => string }[] = [];

  before(async () => {
    service = await SandboxService.create({ UPLOAD_BUDGET_MB: '64' });
    await service.up();
    for (const [index, agentId] of AGENTS.entries()) await service.link(agentId, `628110000000${index}`);
  });
  after(async () => {
    for (const { socket } of sockets) socket.destroy();
    await service.close();
  });

  /** Starts an upload with an agent's key and sends nearly all of it. */
  function begin(agentId: string): void {
    const socket = connect(Number(new URL(service.url).port), '127.0.0.1');
    let response = '';
    socket
      .on('error', () => {})
      .on('data', (chunk) => {
        response += chunk;
      });
    socket.write(
      `POST /agents/${agentId}/media HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${KEY}\r\n` +
        `Content-Type: application/json\r\nContent-Length: ${LENGTH}\r\n\r\n{"to":"081234567890","data":"`,
    );
    socket.write(SENT);
    sockets.push({ socket, response: () => response });
  }

  /** A valid upload of nearly the largest image. */
  const good = (agentId: string) => {
    const data = Buffer.concat([png(8, 8), Buffer.alloc(10 * MEGABYTE - 1_000)]).toString('base64');
    return service.call('POST', `/agents/${agentId}/media`, { to: '081234567890', data });
  };

  it('take no more memory than the budget, get 429 with Retry-After, and block no later upload', async () => {
    const { pid } = service.running.child;
    const before = peakOf(pid!);
    for (let upload = 0; upload < UPLOADS; upload += 1) begin(AGENTS[upload % AGENTS.length]!);
    const refused = () => sockets.filter(({ response }) => response() !== '');
    await eventually('all but three to be refused', () => refused().length === UPLOADS - 3, 60_000);
    for (const { response } of refused()) {
      expect(response()).to.match(/^HTTP\/1\.1 429 /);
      expect(response())
        .to.include('"code":"RATE_LIMITED"')
        .and.to.match(/\r\nRetry-After: 1\r\n/);
    }
    const sent = sockets.filter(({ response }) => response() === '');
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
