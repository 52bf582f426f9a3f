import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import sinon from 'sinon';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/infra/postgres/embedded/embedded.ts';
import { PgAgentStore } from '../../src/infra/postgres/stores/agent-store.ts';
import { SandboxDriver } from '../../src/sandbox/driver/sandbox-driver.ts';
import { type AnswerProxy, openAnswerProxy } from '../support/answer-proxy.ts';
import { type ApiAnswer, callApi } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { faultRuns, reportFigures, times } from '../support/fault-runs.ts';
import { BEARER, BOT, CUSTOMER_CHAT, UNLIMITED } from '../support/fixtures.ts';
import { linkAgent } from '../support/link-agent.ts';
import { type Service, startService } from '../support/service.ts';

const RUNS = faultRuns(1, 5);
const SEND_EVERY_MS = 50;
const BACK_WITHIN_MS = 10_000;
/** In the short run a query times out after two seconds instead of ten. */
const PATIENCE = RUNS === 1 ? '?query_timeout=2000' : '';

describe('the service without its database', function () {
  this.timeout(120_000 + RUNS * 60_000);
  let dataDir: string;
  let server: EmbeddedPostgres;
  let proxy: AnswerProxy;
  let service: Service;
  const stopped: Service[] = [];
  let written = 0;

  before(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'gateway-outage-'));
    server = await startEmbeddedPostgres({ dataDir });
    proxy = await openAnswerProxy(`${server.connection.host}/.s.PGSQL.5432`);
    const url = `postgres://postgres@127.0.0.1:${proxy.port}/postgres${PATIENCE}`;
    service = await startService({ config: server.connection, url }, { env: UNLIMITED });
    await linkAgent(service, 'shop', BOT);
  });
  after(async () => {
    for (const each of [service, ...stopped]) await each?.close();
    await proxy?.close();
    await server?.stop();
    await rm(dataDir, { recursive: true, force: true });
  });

  const get = (path: string) => callApi(service.app.url, 'GET', path);

  /** Accepts a text without waiting for it to be sent. */
  function send(message: string, more: Record<string, string> = {}): Promise<ApiAnswer> {
    const headers = { ...BEARER, prefer: 'respond-async', ...more };
    return callApi(service.app.url, 'POST', '/agents/shop/messages', { to: CUSTOMER_CHAT, message }, headers);
  }

  /** Accepts a text with its own `Idempotency-Key`. */
  const sendKeyed = (message: string) => send(message, { 'idempotency-key': `text ${message}` });

  /** The texts that WhatsApp has. */
  const arrived = () =>
    service.network
      .messages(BOT, CUSTOMER_CHAT)
      .filter(({ ack }) => ack >= 1)
      .map(({ body }) => body);

  /** Sends numbered texts and asks `/health` until stopped, without waiting for answers. */
  function sending(accept = send) {
    const stop = new AbortController();
    const answers: { text: string; at: number; status: number; code?: string; retryAfter: string | null }[] =
      [];
    const health: number[] = [];
    const asked: Promise<unknown>[] = [];
    const looping = (async () => {
      while (!stop.signal.aborted) {
        written += 1;
        const text = String(written);
        const sent = accept(text).then(({ status, headers, body }) => {
          const retryAfter = headers.get('retry-after');
          answers.push({ text, at: performance.now(), status, code: body.error?.code, retryAfter });
        });
        asked.push(
          sent,
          get('/health').then(({ status }) => health.push(status)),
        );
        await delay(SEND_EVERY_MS);
      }
      await Promise.all(asked);
    })();
    const end = () => {
      stop.abort();
      return looping;
    };
    return { answers, health, end };
  }

  /** One outage under load; returns the answers, and the ms until texts were accepted again. */
  async function outage(down: () => Promise<void> | void, up: () => Promise<void> | void, accept = send) {
    const { answers, health, end } = sending(accept);
    const refused = () => answers.filter(({ status }) => status === 503);
    const accepted = () => answers.filter(({ status }) => status === 202);
    await eventually('some to be accepted', () => accepted().length >= 5);
    await down();
    await eventually('some to be refused', () => refused().length >= 5);
    expect((await get('/readyz')).status, 'readyz').to.equal(503);
    await up();
    const back = performance.now();
    const first = await eventually('some to be accepted again', () => accepted().find(({ at }) => at > back));
    await eventually('readyz to be back', async () => (await get('/readyz')).status === 200);
    await end();
    await eventually('all that was accepted to be sent', () => {
      const there = new Set(arrived());
      return accepted().every(({ text }) => there.has(text));
    });
    return { accepted: accepted(), refused: refused(), answers, health, backMs: Math.round(first.at - back) };
  }

  const outages = [
    {
      title: 'stopped and started again',
      down: () => server.stop(),
      up: async () => {
        server = await startEmbeddedPostgres({ dataDir });
      },
    },
    {
      title: 'lost behind a half-open connection',
      down: () => proxy.dropAnswers(),
      up: () => proxy.passAnswers(),
    },
  ];
  for (const { title, down, up } of outages) {
    it(`that is ${title} loses no accepted message and resumes at once`, async () => {
      const found = { accepted: 0, refused: 0, 'accepted but not sent': 0, 'refused but sent': 0, backMs: 0 };
      for (let run = 0; run < RUNS; run += 1) {
        const { accepted, refused, answers, health, backMs } = await outage(down, up);
        const there = new Set(arrived());
        found.accepted += accepted.length;
        found.refused += refused.length;
        found['accepted but not sent'] += accepted.filter(({ text }) => !there.has(text)).length;
        found['refused but sent'] += refused.filter(({ text }) => there.has(text)).length;
        found.backMs = Math.max(found.backMs, backMs);
        expect(answers.length, 'answers other than 202 and 503').to.equal(accepted.length + refused.length);
        expect(new Set(health)).to.deep.equal(new Set([200]));
        for (const { code, retryAfter } of refused) {
          expect(code).to.equal('DATABASE_UNAVAILABLE');
          expect(Number(retryAfter)).to.be.within(1, 60);
        }
      }
      reportFigures('P15', `Postgres ${title} under load, ${times(RUNS)}`, { ...found, '/health': 200 });
      expect(found).to.include({ 'accepted but not sent': 0, 'refused but sent': 0 });
      expect(found.backMs).to.be.below(BACK_WITHIN_MS);
      expect((await get('/sessions/shop')).body.supervisor).to.include({ restarts: 0 });
    });
  }

  it('that goes away while agents boot leaves none shown as connected, and all reconnect', async () => {
    const found = { 'shown as connected': 0, 'not back': 0 };
    const { config, network } = service;
    const env = { ...UNLIMITED, DB_URL: String(config.DB_URL) };
    for (let run = 0; run < RUNS; run += 1) {
      await service.app.stop();
      stopped.push(service);
      const { list } = PgAgentStore.prototype;
      const listed = sinon.stub(PgAgentStore.prototype, 'list').callsFake(async function (
        this: PgAgentStore,
      ) {
        const rows = await list.call(this);
        await server.stop();
        return rows;
      });
      service = await startService(
        { config: server.connection, url: env.DB_URL },
        { env, network, driver: new SandboxDriver(network) },
      );
      listed.restore();
      const refusal = await send('while it boots');
      const metrics = await (await fetch(`${service.app.url}/metrics`)).text();
      const { status, live } = (await get('/sessions/shop')).body;
      const shown = JSON.stringify([
        status,
        live,
        refusal.body,
        /^wa_sessions.*connected.* 1$/m.exec(metrics),
      ]);
      if (/"connected"|:true|is connected/.test(shown)) found['shown as connected'] += 1;
      await delay(500);
      server = await startEmbeddedPostgres({ dataDir });
      await eventually(
        'the agent to be back',
        async () => (await get('/sessions/shop')).body.status === 'connected',
      ).catch(() => {
        found['not back'] += 1;
      });
    }
    reportFigures('P15', `Postgres away for half a second while agents boot, ${times(RUNS)}`, found);
    expect(found).to.deep.equal({ 'shown as connected': 0, 'not back': 0 });
  });

  it('that is restarted gets new connections, and no message is lost', async () => {
    const found = { accepted: 0, refused: 0, 'accepted but not sent': 0, 'refused but sent': 0 };
    for (let run = 0; run < RUNS; run += 1) {
      const { answers, end } = sending();
      const accepted = () => answers.filter(({ status }) => status === 202);
      await eventually('some to be accepted', () => accepted().length >= 5);
      await server.stop();
      server = await startEmbeddedPostgres({ dataDir });
      const back = performance.now();
      await eventually('some to be accepted again', () => accepted().some(({ at }) => at > back));
      await end();
      const missing = () => {
        const there = new Set(arrived());
        return accepted().filter(({ text }) => !there.has(text)).length;
      };
      await eventually('all that was accepted to be sent', () => missing() === 0);
      const there = new Set(arrived());
      const refused = answers.filter(({ status }) => status !== 202);
      found.accepted += accepted().length;
      found.refused += refused.length;
      found['accepted but not sent'] += missing();
      found['refused but sent'] += refused.filter(({ text }) => there.has(text)).length;
      for (const { status, code } of refused)
        expect([status, code]).to.deep.equal([503, 'DATABASE_UNAVAILABLE']);
    }
    reportFigures('P15', `Postgres restarted under load, ${times(RUNS)}`, found);
    expect(found).to.include({ 'accepted but not sent': 0, 'refused but sent': 0 });
  });

  it('that is lost for a moment leaves no Idempotency-Key in flight: repeats are answered, texts sent once', async () => {
    const found = { keys: 0, refused: 0, 'still in flight': 0, 'not sent': 0, 'sent twice': 0 };
    for (let run = 0; run < RUNS; run += 1) {
      const { answers } = await outage(
        () => proxy.dropAnswers(),
        () => proxy.passAnswers(),
        sendKeyed,
      );
      const repeats = await Promise.all(answers.map(({ text }) => repeated(text)));
      found.keys += answers.length;
      found.refused += answers.filter(({ status }) => status === 503).length;
      found['still in flight'] += repeats.filter((status) => status !== 202).length;
      const copies = (text: string) => arrived().filter((body) => body === text).length;
      await eventually('every text', () => answers.every(({ text }) => copies(text) > 0)).catch(() => {});
      found['not sent'] += answers.filter(({ text }) => copies(text) === 0).length;
      found['sent twice'] += answers.filter(({ text }) => copies(text) > 1).length;
    }
    reportFigures(
      'P11 P15',
      `Postgres lost behind a half-open connection under sends with a key, ${times(RUNS)}`,
      found,
    );
    expect(found).to.include({ 'still in flight': 0, 'not sent': 0, 'sent twice': 0 });
  });

  /** The final status of a repeated request by a client that obeys `Retry-After`. */
  async function repeated(text: string): Promise<number> {
    const until = performance.now() + BACK_WITHIN_MS;
    for (;;) {
      const { status, headers } = await sendKeyed(text);
      if (status < 400 || performance.now() > until) return status;
      await delay(1_000 * Number(headers.get('retry-after') ?? 1));
    }
  }
});
