import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect } from 'chai';
import type { SendOutcome } from '../../src/actors/domain/commands.ts';
import { ByteBudget } from '../../src/http/middleware/upload-budget.ts';
import { eventually } from '../support/eventually.ts';
import { AT } from '../support/fake-system.ts';
import { expectProblem, Harness } from '../support/http-harness.ts';

const to = '081234567890';
/** Of 60 MB for images, 30 per agent: two of these fit, but not a third one. */
const LARGE = 14_000_000;

describe('ByteBudget', () => {
  it('grants what it has, at most half to one owner, and takes it back', () => {
    const budget = new ByteBudget(100);
    const [one, two, three] = [budget.open('a'), budget.open('a'), budget.open('b')];
    one.grow(30);
    expect(() => two.grow(21))
      .to.throw('Too many uploads')
      .with.property('code', 'RATE_LIMITED');
    two.grow(20);
    three.grow(50);
    expect(budget.held).to.equal(100);
    expect(() => budget.open('c').grow(1))
      .to.throw()
      .with.property('code', 'RATE_LIMITED');
    for (const hold of [one, two, three, three]) hold.release();
    expect(budget.held).to.equal(0);
    budget.open('a').grow(50);
  });
});

describe('many uploads at once', () => {
  let http: Harness;
  let sockets: Socket[];
  beforeEach(async () => {
    http = await new Harness().start({ UPLOAD_BUDGET_MB: 80 });
    http.system.add('second', 'second-key');
    http.system.add('third', 'third-key');
    sockets = [];
  });
  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    await http.stop();
  });

  /** Starts an upload that stops before its last byte; returns the connection and its answer. */
  async function halfway(
    { agentId = 'bot', key = 'secret-key', length = LARGE as number | null, operation = 'media' } = {},
    more = '',
    start = length === null ? '1\r\n{\r\n' : '{',
  ) {
    const socket = connect(http.port, '127.0.0.1');
    sockets.push(socket);
    let answer = '';
    socket
      .on('error', () => {})
      .on('data', (chunk) => {
        answer += chunk;
      });
    await once(socket, 'connect');
    const size = length === null ? 'Transfer-Encoding: chunked' : `Content-Length: ${length}`;
    socket.write(
      `POST /agents/${agentId}/${operation} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${key}\r\n` +
        `Content-Type: application/json\r\n${size}\r\n${more}\r\n${start}`,
    );
    return { socket, answer: () => answer };
  }

  /** The answer to a complete upload of an agent. */
  const upload = (agentId = 'bot', key = 'secret-key', json: object = { data: 'A'.repeat(LARGE) }) =>
    http.ask(`/agents/${agentId}/media`, { method: 'POST', key, json: { to, ...json } });

  /** Waits until an agent has no room for another large body. */
  async function untilFull(agentId: string, key: string): Promise<void> {
    await eventually(`${agentId} to be full`, async () => (await upload(agentId, key)).status === 429);
  }

  it('are answered with 429 and Retry-After above an agent’s half, without affecting others', async () => {
    await halfway();
    await halfway();
    await untilFull('bot', 'secret-key');
    const refused = await upload();
    expectProblem(refused, 'RATE_LIMITED');
    expect(Number(refused.headers.get('retry-after'))).to.be.within(1, 60);
    expect((await upload('second', 'second-key')).status).to.equal(200);
  });

  it('are answered with 429 above the whole budget for every agent, unlike small requests', async () => {
    for (const [agentId, key] of [
      ['bot', 'secret-key'],
      ['second', 'second-key'],
    ] as const) {
      await halfway({ agentId, key });
      await halfway({ agentId, key });
      await untilFull(agentId, key);
    }
    expectProblem(await upload('third', 'third-key'), 'RATE_LIMITED');
    expect((await http.send('messages', { to, message: 'hi' })).status).to.equal(200);
    expect((await upload('third', 'third-key', { data: 'AAAA' })).status).to.equal(200);
  });

  it('are refused before any of their body is read', async () => {
    await halfway();
    await halfway();
    await untilFull('bot', 'secret-key');
    const refused = await halfway({}, 'Expect: 100-continue\r\n');
    await eventually('the answer', () => refused.answer().includes('traceId'));
    expect(refused.answer()).to.match(/^HTTP\/1.1 429 /);
  });

  it('release their bytes when they are cut off', async () => {
    await halfway();
    await halfway();
    await untilFull('bot', 'secret-key');
    for (const socket of sockets) socket.destroy();
    await eventually('room again', async () => (await upload()).status === 200);
  });

  it('release their bytes when their content is refused', async () => {
    for (let round = 0; round < 5; round += 1) {
      const bodies = Array.from({ length: 2 }, () =>
        upload('bot', 'secret-key', { data: '!'.repeat(LARGE), x: 1 }),
      );
      for (const reply of await Promise.all(bodies)) expectProblem(reply, 'INVALID_PAYLOAD');
    }
    expect((await upload()).status).to.equal(200);
  });

  it('release their bytes when the image is stored, while its send still waits', async () => {
    let finish = (_outcome: SendOutcome): void => {};
    const sent = new Promise<SendOutcome>((resolve) => {
      finish = resolve;
    });
    http.system.onSend = () => sent;
    const waiting = [upload(), upload()];
    await eventually('both to wait', () => http.system.sent.length === 2);
    waiting.push(upload(), upload());
    await eventually('all to wait', () => http.system.sent.length === 4);
    finish({ status: 'sent', id: 'm-1', messageId: 'true_1', to: `62${to.slice(1)}@c.us`, at: AT });
    for (const reply of await Promise.all(waiting)) expect(reply.status).to.equal(200);
  });

  it('count as they arrive while their length is unknown', async () => {
    // A chunk of a third of an agent's half.
    const chunk = `${(10_000_000).toString(16)}\r\n{${' '.repeat(9_999_999)}\r\n`;
    const accepted: Socket[] = [];
    http.server.on('connection', (socket) => accepted.push(socket));
    const first = await halfway({ length: null }, '', chunk);
    await halfway({ length: null }, '', chunk);
    await eventually('the chunks to arrive', () => accepted.every(({ bytesRead }) => bytesRead > 10_000_000));
    await untilFull('bot', 'secret-key');
    expect(first.answer()).to.equal('');
  });

  it('are answered with 429 in the middle when there is no room for more of them, and the connection is closed', async () => {
    await halfway();
    await halfway();
    await untilFull('bot', 'secret-key');
    const chunk = `${(5_000_000).toString(16)}\r\n{${' '.repeat(4_999_999)}\r\n`;
    const { socket, answer } = await halfway({ length: null }, '', chunk);
    await eventually('the answer', () => answer().includes('traceId'));
    expect(answer()).to.match(/^HTTP\/1.1 429 /);
    await eventually('the end', () => socket.readyState !== 'open');
  });

  it('count with their own size when it is not declared', async () => {
    http.system.onSend = () => new Promise(() => {});
    const body = JSON.stringify({ to, message: 'hi' });
    const chunks = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
    // With the maximum, two of these would use up an agent's half.
    for (let waiting = 1; waiting <= 25; waiting += 1) {
      const { socket, answer } = await halfway({ operation: 'messages', length: null }, '', chunks);
      await eventually(
        `send ${waiting} to wait`,
        () => http.system.sent.length === waiting || answer() !== '',
      );
      expect(answer()).to.equal('');
      expect(socket.readyState).to.equal('open');
    }
  });

  it('leave room for texts, which are counted separately', async () => {
    const half = 10 * 1024 * 1024;
    for (let held = 0; held + 512_000 <= half; held += 512_000)
      await halfway({ operation: 'messages', length: 512_000 });
    const text = () => http.send('messages', { to, message: 'x'.repeat(65_536) });
    await eventually('the texts of one agent to be full', async () => {
      const large = { to, message: 'x', quoteId: 'y'.repeat(500_000) };
      return (await http.send('messages', large)).status === 429;
    });
    expect((await upload()).status).to.equal(200);
    for (const socket of sockets) socket.destroy();
    await eventually('room again', async () => (await text()).status === 200);
  });
});
