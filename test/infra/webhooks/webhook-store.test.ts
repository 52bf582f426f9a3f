import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import pg from 'pg';
import type { StoredWebhook, WebhookStore } from '../../../src/actors/domain/ports/webhooks.ts';
import { type Database, openDatabase } from '../../../src/infra/postgres/database.ts';
import { eventually } from '../../support/eventually.ts';
import { MemoryWebhooks } from '../../support/memory-webhooks.ts';
import { flavours, withDatabase } from '../../support/postgres.ts';

const A = { userId: 1, agentId: 'a' };
const B = { userId: 1, agentId: 'b' };
// Ahead of the database's clock: the age of an event counts from its time, or from its recording when that is later.
const AT = new Date('2045-11-07T08:00:00.000Z');

/** A webhook of an agent, with changes. */
function webhookOf(agent: typeof A, changes: Partial<StoredWebhook> = {}): StoredWebhook {
  return {
    ...agent,
    ...{ id: randomUUID(), url: 'https://example.com/', events: ['*'], format: 'native', secret: 'sealed' },
    ...{ verifyToken: null, verifiedAt: AT, createdAt: AT },
    ...changes,
  };
}

/** An event of an agent. */
const event = (n: number, key?: string) =>
  ({ type: 'message.received', at: new Date(AT.getTime() + n), data: { n }, ...(key && { key }) }) as const;

/** What every store of webhooks does. */
function contract(open: () => WebhookStore): void {
  it('records an event for each webhook of the agent that wants it', async () => {
    const store = open();
    const all = webhookOf(A);
    const others = webhookOf(A, { events: ['chat.mode'] });
    const unverified = webhookOf(A, { verifiedAt: null });
    const foreign = webhookOf(B);
    for (const webhook of [all, others, unverified, foreign])
      expect(await store.insert(webhook)).to.equal(true);
    await store.record(A, event(1));
    const ids = [all.id, others.id, unverified.id, foreign.id];
    expect(await store.waiting(ids)).to.deep.equal([all.id]);
    const [taken, ...more] = await store.take(all.id, 10);
    expect(more).to.deep.equal([]);
    expect(taken).to.deep.include({ ...event(1), sequence: 1, attempts: 0, error: null, status: 'waiting' });
    for (const id of ids) await store.remove(id);
    expect(await store.waiting(ids)).to.deep.equal([]);
  });

  it('keeps any text that WhatsApp may hold, also one that is no valid Unicode', async () => {
    const store = open();
    const webhook = webhookOf(A);
    await store.insert(webhook);
    const data = { text: 'half \ud800 and \u0000, "quoted" \\ {1,2}' };
    await store.record(A, { ...event(1), data });
    expect((await store.take(webhook.id, 1))[0]!.data).to.deep.equal(data);
    await store.remove(webhook.id);
  });

  it('records an event with a key once', async () => {
    const store = open();
    const webhook = webhookOf(A);
    await store.insert(webhook);
    const key = randomUUID();
    await Promise.all([0, 1, 2].map((n) => store.record(A, event(n, key))));
    const taken = await store.take(webhook.id, 10);
    expect(taken.map(({ data }) => data)).to.deep.equal([{ n: 0 }]);
    await store.delivered(taken[0]!.id);
    await store.record(A, event(4, key));
    expect(await store.take(webhook.id, 10)).to.deep.equal([]);
    const { type } = event(0);
    expect([...(await store.recorded(A, type, ['another', key]))]).to.deep.equal([key]);
    expect((await store.recorded(A, 'call.received', [key])).size).to.equal(0);
    await store.remove(webhook.id);
  });

  it('numbers events without gaps in their order, and keeps the numbers', async () => {
    const store = open();
    const webhook = webhookOf(A);
    await store.insert(webhook);
    for (let n = 1; n <= 5; n += 1) await store.record(A, event(n));
    const first = await store.take(webhook.id, 2);
    expect(first.map(({ sequence, data }) => [sequence, data])).to.deep.equal([
      [1, { n: 1 }],
      [2, { n: 2 }],
    ]);
    await store.delivered(first[0]!.id);
    const rest = await store.take(webhook.id, 10);
    expect(rest.map(({ sequence, data }) => [sequence, data])).to.deep.equal([
      [2, { n: 2 }],
      [3, { n: 3 }],
      [4, { n: 4 }],
      [5, { n: 5 }],
    ]);
    expect(rest[0]!.id).to.equal(first[1]!.id);
    await store.remove(webhook.id);
  });

  it('gives up what is too old, lists it newest first, and delivers it first when it is retried', async () => {
    const store = open();
    const webhook = webhookOf(A);
    await store.insert(webhook);
    for (let n = 1; n <= 4; n += 1) await store.record(A, event(n));
    const [first] = await store.take(webhook.id, 1);
    await store.failed(first!.id, 'HTTP_500');
    expect(await store.giveUp(webhook.id, new Date(AT.getTime() + 3))).to.equal(3);
    const backlog = { waiting: 1, dead: 3, oldestAt: new Date(AT.getTime() + 4) };
    expect((await store.backlogs([webhook.id])).get(webhook.id)).to.deep.equal(backlog);
    const dead = await store.deliveries(webhook.id, { status: 'dead', limit: 2 });
    expect(dead.map(({ data }) => data)).to.deep.equal([{ n: 3 }, { n: 2 }]);
    const next = await store.deliveries(webhook.id, {
      ...{ status: 'dead', limit: 2, before: dead[1]!.position },
    });
    expect(next[0]).to.deep.include({ id: first!.id, attempts: 1, error: 'HTTP_500', sequence: 1 });
    expect(await store.redrive(webhook.id, randomUUID(), AT)).to.equal(null);
    expect(await store.redrive(webhook.id, first!.id, new Date(AT.getTime() + 9))).to.deep.include({
      ...{ id: first!.id, status: 'waiting' },
    });
    expect(await store.giveUp(webhook.id, new Date(AT.getTime() + 3))).to.equal(0);
    const taken = await store.take(webhook.id, 10);
    expect(taken.map(({ data, sequence }) => [sequence, data])).to.deep.equal([
      [1, { n: 1 }],
      [2, { n: 4 }],
    ]);
    await store.remove(webhook.id);
  });

  it('keeps what is changed of a webhook', async () => {
    const store = open();
    const webhook = webhookOf(A, { format: 'native' });
    await store.insert(webhook);
    const changed = {
      ...webhook,
      url: 'https://other.example/',
      secret: 'again',
      events: ['chat.mode' as const],
    };
    await store.update(changed);
    expect((await store.load()).find(({ id }) => id === webhook.id)).to.deep.equal(changed);
    await store.remove(webhook.id);
    expect(await store.load()).to.deep.equal([]);
  });
}

describe('webhooks in memory', () => {
  const store = new MemoryWebhooks();
  contract(() => store);
});

for (const { name, binDir } of flavours()) {
  describe(`webhooks on ${name}`, () => {
    const fresh = withDatabase(binDir);
    let database: Database;
    let sql: pg.Client;
    const published: string[] = [];

    before(async () => {
      database = await openDatabase({
        dbUrl: fresh().url,
        dataDir: 'unused',
        onPublished: (type, agents) => {
          for (const { agentId } of agents) published.push(`${type} ${agentId}`);
        },
      });
      sql = new pg.Client(fresh().config);
      await sql.connect();
      for (const { userId, agentId } of [A, B])
        await database.agents.save({
          userId,
          agentId,
          agentName: agentId,
          apiKey: 'k',
          status: 'disconnected',
        });
    });
    after(async () => {
      await sql.end();
      await database.close();
    });

    contract(() => database.webhooks);

    /** The events that wait for a webhook, in their order. */
    const eventsOf = async (id: string) =>
      (await database.webhooks.take(id, 100)).map(({ type, data }) => ({ type, ...(data as object) }));

    /** Resolves once a statement waits for a lock. */
    const blocked = () =>
      eventually(
        'a lock',
        async () => (await sql.query('select from pg_locks where not granted')).rowCount! > 0,
        5_000,
      );

    const text = (to: string) =>
      ({ to, content: { kind: 'text', text: 'hello' }, origin: 'api', traceId: 't' }) as const;

    it('are given each status of a message in the statement that writes it', async () => {
      const webhook = webhookOf(A, { events: ['message.status'] });
      await database.webhooks.insert(webhook);
      published.length = 0;
      const { id } = await database.messages.append(A, text('1@c.us'));
      await database.messages.append(B, text('1@c.us'));
      await database.messages.markSending(id, { chatId: '1@c.us', handedOverAt: AT });
      await database.messages.settle(id, { status: 'sent', messageId: 'wa-1', at: AT });
      await database.messages.settle(id, { status: 'sent', messageId: 'wa-1', at: AT });
      await database.messages.receive(A, { messageId: 'wa-1', ack: 2, at: AT });
      await database.messages.receive(A, { messageId: 'wa-1', ack: 3, at: AT });
      const events = await eventsOf(webhook.id);
      expect(events.map((each) => (each as { status?: string }).status)).to.deep.equal([
        ...['queued', 'sending', 'sent', 'delivered', 'read'],
      ]);
      const { createdAt, ...last } = events.at(-1) as { createdAt?: string };
      expect(createdAt).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      const at = AT.toISOString();
      expect(last).to.deep.equal({
        ...{ type: 'message.status', id, messageId: 'wa-1', to: '1@c.us', kind: 'text', origin: 'api' },
        ...{ status: 'read', sentAt: at, deliveredAt: at, readAt: at },
      });
      expect(published).to.include('message.status a');
      await database.webhooks.remove(webhook.id);
    });

    it('are given the failure of a message with its error', async () => {
      const webhook = webhookOf(A, { events: ['message.status'] });
      await database.messages.append(A, text('2@c.us'));
      await database.webhooks.insert(webhook);
      await database.messages.failPending(A, { code: 'EXPIRED', message: 'It waited too long.' });
      const [failed, ...more] = await eventsOf(webhook.id);
      expect(more).to.deep.equal([]);
      expect(failed).to.deep.include({
        ...{ status: 'failed', error: { code: 'EXPIRED', message: 'It waited too long.' } },
      });
      await database.webhooks.remove(webhook.id);
    });

    it('are given none of a statement that is rolled back', async () => {
      const webhook = webhookOf(A);
      await database.webhooks.insert(webhook);
      await sql.query('begin');
      await sql.query(`insert into gateway_message
        (id, user_id, agent_id, to_jid, content, origin, trace_id, status, created_at)
        values (gen_random_uuid(), 1, 'a', '1@c.us', '{"kind": "text"}', 'api', 't', 'queued', now())`);
      const { rows } = await sql.query('select type from gateway_webhook_delivery');
      expect(rows).to.deep.equal([{ type: 'message.status' }]);
      await sql.query('rollback');
      expect(await eventsOf(webhook.id)).to.deep.equal([]);
      await database.webhooks.remove(webhook.id);
    });

    it('are given the mode of a chat and the state of a session with the row', async () => {
      const webhook = webhookOf(A, { events: ['chat.mode', 'session.state'] });
      await database.webhooks.insert(webhook);
      const row = { chatId: '1@c.us', lid: null, since: AT, until: null, repliesUntil: null };
      const change = { chatId: '1@c.us', since: AT, at: AT };
      const human = { ...change, from: 'bot', mode: 'human', cause: 'person' } as const;
      const bot = { ...change, from: 'human', mode: 'bot', cause: 'api' } as const;
      await database.chats.save(A, { ...row, mode: 'human' }, [human]);
      await database.chats.save(A, { ...row, mode: 'human' });
      await database.chats.remove(A, '1@c.us', [bot]);
      await database.agents.setStatus(A, {
        ...{ from: 'disconnected', to: 'awaiting_qr', reason: 'LOGGED_OUT', at: AT },
      });
      const since = AT.toISOString();
      expect(await eventsOf(webhook.id)).to.deep.equal(
        [
          { ...human, type: 'chat.mode', since, at: undefined },
          { ...bot, type: 'chat.mode', since, at: undefined },
          { type: 'session.state', status: 'awaiting_qr', from: 'disconnected', reason: 'LOGGED_OUT' },
        ].map((each) => JSON.parse(JSON.stringify(each))),
      );
      await database.webhooks.remove(webhook.id);
    });

    it('count the age of what is recorded late from its recording', async () => {
      const webhook = webhookOf(A);
      await database.webhooks.insert(webhook);
      const now = Date.now();
      await database.webhooks.record(A, { ...event(1), at: new Date(now - 100 * 3_600_000) });
      const [taken] = await database.webhooks.take(webhook.id, 1);
      expect(taken!.since.getTime()).to.be.closeTo(now, 60_000);
      await database.webhooks.remove(webhook.id);
    });

    it('are not left behind when they are created while their agent is deleted', async () => {
      const webhook = webhookOf(B);
      await sql.query('begin');
      await sql.query(`select from whatsapp_user where agent_id = 'b' for key share`);
      const removed = database.agents.remove(B);
      await blocked();
      await sql.query(
        `insert into gateway_webhook (id, user_id, agent_id, url, events, format, secret, created_at)
         values ($1, 1, 'b', 'https://example.com/', '{*}', 'native', 'sealed', now())`,
        [webhook.id],
      );
      await sql.query('commit');
      await removed;
      expect(await database.webhooks.load()).to.deep.equal([]);
      await database.agents.save({ ...B, agentName: 'b', apiKey: 'k', status: 'disconnected' });
      await sql.query('begin');
      await sql.query(`delete from whatsapp_user where agent_id = 'b'`);
      const inserted = database.webhooks.insert(webhook);
      await Promise.race([inserted, blocked()]);
      await sql.query('commit');
      expect(await inserted).to.equal(false);
      await database.agents.save({ ...B, agentName: 'b', apiKey: 'k', status: 'disconnected' });
    });

    it('are deleted with their agent, and what was written meanwhile with the next purge', async () => {
      const webhook = webhookOf(B);
      await database.webhooks.insert(webhook);
      await database.webhooks.record(B, event(1));
      await database.agents.remove(B);
      expect(await database.webhooks.load()).to.deep.equal([]);
      expect(await database.webhooks.insert(webhook)).to.equal(false);
      await sql.query(
        `insert into gateway_webhook_delivery (webhook_id, user_id, agent_id, type, at, since, data)
         values ($1, 1, 'b', 'chat.mode', now(), now(), '{}')`,
        [webhook.id],
      );
      await database.webhooks.purge(AT);
      expect((await sql.query('select from gateway_webhook_delivery')).rows).to.deep.equal([]);
    });
  });
}
