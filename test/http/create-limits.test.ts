import { expect } from 'chai';
import { expectProblem, Harness } from '../support/http-harness.ts';

describe('the limits for creating sessions', () => {
  let http: Harness;
  afterEach(() => http.stop());

  /** Creates an agent. */
  const create = (agentId: string, headers: Record<string, string> = {}) =>
    http.ask('/sessions', { method: 'POST', json: { userId: 7, agentId, agentName: 'A' }, headers });

  /** Creates agents until one is refused, 150 at most; returns the refusal. */
  async function flood(prefix: string, headers: Record<string, string> = {}) {
    for (let i = 0; i < 150; i += 1) {
      const reply = await create(`${prefix}${i}`, headers);
      if (reply.status !== 201) return { reply, admitted: i };
    }
    return null;
  }

  it('allow one address 60 starts at once, and answer when the next is allowed', async () => {
    http = await new Harness().start();
    const flooded = await flood('a');
    expectProblem(flooded!.reply, 'RATE_LIMITED');
    expect(flooded!.reply.status).to.equal(429);
    expect(Number(flooded!.reply.headers.get('retry-after'))).to.be.within(1, 60);
    expect(flooded!.admitted).to.be.within(60, 149);
    expect(http.system.created).to.have.length(flooded!.admitted);
  });

  it('count a reconnect as a start, but not that of an unknown agent', async () => {
    http = await new Harness().start();
    const reconnect = (agentId: string) => http.ask(`/sessions/${agentId}/reconnect`, { method: 'POST' });
    for (let i = 0; i < 100; i += 1) expectProblem(await reconnect('unknown'), 'SESSION_NOT_FOUND');
    let admitted = 0;
    let reply = await reconnect('bot');
    for (; admitted < 150 && reply.status < 400; admitted += 1) {
      reply = await (admitted % 2 === 0 ? create(`a${admitted}`) : reconnect('bot'));
    }
    expectProblem(reply, 'RATE_LIMITED');
    expect(admitted).to.be.within(60, 149);
  });

  it('do not apply to a connected session, which is not started', async () => {
    http = await new Harness().start();
    http.system.onCreate = async () => ({
      agent: http.system.describe('bot'),
      qr: null,
      created: false,
      outcome: 'connected',
    });
    for (let i = 0; i < 100; i += 1) expect((await create('bot')).status).to.equal(200);
  });

  it('count the client behind a trusted proxy, and ignore other claims', async () => {
    http = await new Harness().start({ TRUST_PROXY: ['loopback'] });
    expect((await flood('a', { 'x-forwarded-for': '192.0.2.1' }))?.reply.status).to.equal(429);
    expect((await create('b', { 'x-forwarded-for': '192.0.2.2' })).status).to.equal(201);
    await http.stop();
    http = await new Harness().start();
    let refused = 0;
    for (let i = 0; i < 100; i += 1) {
      const reply = await create(`c${i}`, { 'x-forwarded-for': `192.0.2.${i}` });
      if (reply.status === 429) refused += 1;
    }
    expect(refused).to.be.above(0);
  });

  it('do not apply with the SESSIONS_TOKEN', async () => {
    http = await new Harness().start({ SESSIONS_TOKEN: 'token' });
    expect(await flood('a', { authorization: 'Bearer token' })).to.equal(null);
  });

  it('refuse more than MAX_SESSIONS, including those being created, but never a known one', async () => {
    http = await new Harness().start({ MAX_SESSIONS: 4 });
    const { onCreate } = http.system;
    let open = () => {};
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    http.system.onCreate = (spec) => opened.then(() => onCreate(spec));
    const asked = ['a', 'b', 'c', 'd', 'e'].map((id) => create(id));
    const firstRefusals = await Promise.race([Promise.all(asked.slice(3)), Promise.all(asked.slice(0, 2))]);
    for (const refused of firstRefusals) {
      expect(refused.status).to.equal(503);
      expectProblem(refused, 'SESSION_START_FAILED');
      expect(refused.body.error.message).to.include('MAX_SESSIONS');
    }
    open();
    const statuses = (await Promise.all(asked)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 201)).to.have.length(3);
    expect((await create([...http.system.agents.keys()].at(-1)!)).status).to.equal(201);
    await http.system.ask('bot', { type: 'session.remove', traceId: 't' });
    expect((await create('f')).status).to.equal(201);
  });
});
