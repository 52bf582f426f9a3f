import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import pg from 'pg';
import type { GatewayError } from '../../../src/actors/domain/errors.ts';
import { wordsOf } from '../../../src/actors/domain/message-content.ts';
import type { OutgoingMessage } from '../../../src/actors/domain/ports/stores.ts';
import { type AgentSettings, NO_SETTINGS } from '../../../src/actors/domain/settings.ts';
import { Database, openDatabase } from '../../../src/infra/postgres/database.ts';
import { DatabasePool } from '../../../src/infra/postgres/pool.ts';
import { flavours, withDatabase } from '../../support/postgres.ts';

const DAY_MS = 86_400_000;
const A = { userId: 1, agentId: 'a' };
const B = { userId: 1, agentId: 'b' };
const C = { userId: 1, agentId: 'c' };
const ERROR = { code: 'EXPIRED', message: 'It waited too long.' };

/** A text to be sent, with changes. */
function outgoing(text: string, more: Partial<OutgoingMessage> = {}): OutgoingMessage {
  return {
    to: '628123456789@c.us',
    content: { kind: 'text', text },
    origin: 'api',
    traceId: 'a'.repeat(32),
    ...more,
  };
}

/** The error that a promise rejects with. */
async function failure(promise: Promise<unknown>): Promise<GatewayError> {
  return promise.then(
    () => expect.fail('it should have been rejected'),
    (error: GatewayError) => error,
  );
}

for (const { name, binDir } of flavours()) {
  describe(`stores on ${name}`, () => {
    const fresh = withDatabase(binDir);
    let database: Database;
    let sql: pg.Client;
    const skipped: string[] = [];

    before(async () => {
      database = await openDatabase({
        dbUrl: fresh().url,
        dataDir: 'unused',
        onUnusableRow: (text) => skipped.push(text),
      });
      sql = new pg.Client(fresh().config);
      await sql.connect();
    });
    after(async () => {
      await sql.end();
      await database.close();
    });

    describe('agents', () => {
      const agent = {
        userId: 1,
        agentId: 'sales',
        agentName: 'Sales',
        apiKey: 'k1',
        status: 'awaiting_qr',
      } as const;
      afterEach(() => sql.query('truncate whatsapp_user, api_keys'));

      it('keeps the AI endpoint and the time of creation when a record is replaced', async () => {
        const first = await database.agents.save(agent);
        await sql.query(`update whatsapp_user set endpoint_url_run = 'http://ai.test/run'`);
        const second = await database.agents.save({ ...agent, agentName: 'New', apiKey: 'k2' });
        expect(second).to.deep.include({
          endpointUrlRun: 'http://ai.test/run',
          agentName: 'New',
          apiKey: 'k2',
          createdAt: first?.createdAt,
        });
        expect(await database.agents.list()).to.have.length(1);
      });

      it('keeps the status of a replaced record, which is written in its own order', async () => {
        await database.agents.save(agent);
        await database.agents.setStatus(agent, {
          from: 'awaiting_qr',
          to: 'connected',
          reason: null,
          at: new Date(),
        });
        expect((await database.agents.save(agent))?.status).to.equal('connected');
      });

      it('changes the key of this user alone', async () => {
        await database.agents.save(agent);
        await database.agents.setApiKey({ ...agent, userId: agent.userId + 1 }, 'of another');
        expect((await database.agents.find(agent))?.apiKey).to.equal(agent.apiKey);
      });

      it('sets the time of the last connection and disconnection by status', async () => {
        await database.agents.save(agent);
        const [up, down] = [new Date(1_000), new Date(2_000)];
        await database.agents.setStatus(agent, {
          from: 'awaiting_qr',
          to: 'connected',
          reason: null,
          at: up,
        });
        await database.agents.setStatus(agent, {
          from: 'connected',
          to: 'disconnected',
          reason: null,
          at: down,
        });
        await database.agents.setStatus(agent, {
          from: 'disconnected',
          to: 'auth_failed',
          reason: null,
          at: new Date(3_000),
        });
        expect(await database.agents.find(agent)).to.deep.include({
          status: 'auth_failed',
          lastConnectedAt: up,
          lastDisconnectedAt: down,
        });
      });

      it('sets the time of a disconnection by a ban, but not of a refused link', async () => {
        await database.agents.save(agent);
        const at = new Date(4_000);
        await database.agents.setStatus(agent, {
          from: 'awaiting_qr',
          to: 'auth_failed',
          reason: null,
          at: new Date(),
        });
        expect((await database.agents.find(agent))?.lastDisconnectedAt).to.equal(null);
        await database.agents.setStatus(agent, { from: 'connected', to: 'auth_failed', reason: null, at });
        expect((await database.agents.find(agent))?.lastDisconnectedAt).to.deep.equal(at);
      });

      it('does not give an agentId to a second user, but replaces the row of its own user', async () => {
        await database.agents.save(agent);
        expect(await database.agents.save({ ...agent, userId: 2 })).to.equal(null);
        await sql.query(
          `insert into whatsapp_user (user_id, agent_id, agent_name, api_key, status)
           values (2, 'sales', 'Of two', 'k2', 'disconnected')`,
        );
        expect((await database.agents.save({ ...agent, userId: 2, agentName: 'New' }))?.agentName).to.equal(
          'New',
        );
        expect((await database.agents.list()).map(({ userId }) => userId)).to.deep.equal([2, 1]);
      });

      it("writes only the user's own row, and deletes nothing of another user's agent with that agentId", async () => {
        await database.agents.save(agent);
        const namesake = { ...agent, userId: 2 };
        await sql.query(
          `insert into whatsapp_user (user_id, agent_id, agent_name, api_key, status)
           values (2, 'sales', 'Of two', 'k2', 'disconnected')`,
        );
        const key = { operation: 'messages', key: 'k', bodyHash: 'h' };
        for (const each of [agent, namesake]) {
          expect(await database.inbound.claim(each, 'wa-of-both')).to.equal(true);
          await database.messages.append(each, outgoing(`of ${each.userId}`));
          expect((await database.idempotency.begin({ ...each, ...key })).state).to.equal('new');
        }
        await database.agents.setStatus(agent, {
          from: 'awaiting_qr',
          to: 'connected',
          reason: null,
          at: new Date(),
        });
        expect((await database.agents.find(namesake))?.status).to.equal('disconnected');
        await database.messages.failPending(agent, ERROR);
        await database.agents.remove(agent);
        expect(await database.agents.find(namesake)).to.include({ apiKey: 'k2' });
        expect(
          (await database.messages.pending(namesake)).map(({ content }) => wordsOf(content)),
        ).to.deep.equal(['of 2']);
        expect(await database.inbound.claim(namesake, 'wa-of-both')).to.equal(false);
        expect((await database.idempotency.begin({ ...namesake, ...key })).state).to.equal('in_flight');
        await database.agents.forget(namesake);
        expect(await database.agents.has(namesake)).to.equal(true);
        expect(await database.messages.pending(namesake)).to.deep.equal([]);
        await database.agents.remove(namesake);
      });

      it('have a new version when a row is added, removed or changed by others, but not by a status', async () => {
        const seen = new Set([await database.agents.version()]);
        const isNew = async () => seen.size < seen.add(await database.agents.version()).size;
        await database.agents.save(agent);
        expect(await isNew()).to.equal(true);
        for (const change of [`agent_name = 'N'`, `api_key = 'k'`, `endpoint_url_run = 'u'`, 'user_id = 9']) {
          await sql.query(`update whatsapp_user set ${change}`);
          expect(await isNew(), change).to.equal(true);
        }
        await database.agents.setStatus(
          { ...agent, userId: 9 },
          { from: 'awaiting_qr', to: 'connected', reason: null, at: new Date() },
        );
        expect(await isNew()).to.equal(false);
        await sql.query('delete from whatsapp_user');
        expect(seen.has(await database.agents.version())).to.equal(true);
      });

      it('reads rows of another system with an unknown status and no times', async () => {
        await sql.query(
          `insert into whatsapp_user (user_id, agent_id, agent_name, api_key, status, created_at, updated_at)
           values (9, 'old', 'Old', 'k', 'weird', null, null)`,
        );
        const found = await database.agents.find({ userId: 9, agentId: 'old' });
        expect(found?.status).to.equal('disconnected');
        expect(found?.createdAt).to.be.a('date');
      });

      it('skips an invalid row, reports it once with the reason, and reads the others', async () => {
        await sql.query(
          `insert into whatsapp_user (user_id, agent_id, agent_name, api_key, status, last_connected_at, created_at)
           values (1, 'sales', 'Sales', 'k', 'connected', 'infinity', '-infinity'),
                  (1, '../etc', 'Odd', 'secret', 'connected', null, now()), (-1, 'odd', 'Odd', 'k', 'connected', null, now())`,
        );
        for (let look = 0; look < 2; look += 1) {
          const [sales, ...others] = await database.agents.list();
          expect(others).to.deep.equal([]);
          expect(sales).to.deep.include({ agentId: 'sales', status: 'connected', lastConnectedAt: null });
          expect(sales?.createdAt).to.be.a('date');
        }
        expect(await database.agents.find({ userId: -1, agentId: 'odd' })).to.equal(null);
        expect(skipped.sort()).to.deep.equal([
          'A row of whatsapp_user is skipped (user_id -1, agent_id "odd"). user_id: Too small: expected number to be >0',
          'A row of whatsapp_user is skipped (user_id 1, agent_id "../etc"). ' +
            'agent_id: must be 1 to 64 letters, digits, - or _, a letter or digit first',
        ]);
      });

      it('accepts bigint user ids', async () => {
        await sql.query('alter table whatsapp_user alter user_id type bigint');
        try {
          await database.agents.save({ ...agent, userId: 5_000_000_000 as number });
          expect((await database.agents.list()).map(({ userId }) => userId)).to.deep.equal([5_000_000_000]);
          await database.agents.remove({ ...agent, userId: 5_000_000_000 });
          expect(await database.agents.list()).to.deep.equal([]);
        } finally {
          await sql.query('truncate whatsapp_user');
          await sql.query('alter table whatsapp_user alter user_id type int');
        }
      });

      it('sets a key, and does not find a removed agent', async () => {
        await database.agents.save(agent);
        await database.agents.setApiKey(agent, 'k9');
        expect((await database.agents.find(agent))?.apiKey).to.equal('k9');
        await database.agents.remove(agent);
        await database.agents.remove(agent);
        expect(await database.agents.find(agent)).to.equal(null);
      });

      it('keeps the claimed messages of a removed agent until they are purged', async () => {
        await database.agents.save(agent);
        await database.inbound.claim(agent, 'wa-of-before');
        await database.agents.remove(agent);
        expect(await database.inbound.claim(agent, 'wa-of-before')).to.equal(false);
        await database.inbound.purge(new Date(Date.now() + DAY_MS));
        expect(await database.inbound.claim(agent, 'wa-of-before')).to.equal(true);
      });

      it('returns the active keys of a user, newest first', async () => {
        await sql.query(
          `insert into api_keys (user_id, api_key, is_active, created_at) values
             (1, 'old', true, '2024-01-01'), (1, 'newest', true, '2025-01-01'),
             (1, 'revoked', false, '2026-01-01'), (2, 'gone', false, '2024-01-01')`,
        );
        expect(await database.apiKeys.active(1)).to.deep.equal(['newest', 'old']);
        expect(await database.apiKeys.active(2)).to.deep.equal([]);
      });
    });

    describe('messages', () => {
      afterEach(() => sql.query('truncate gateway_message'));

      it('returns what was stored', async () => {
        const file = { path: '/spool/a.png', filename: 'a.png' };
        const image = { ...file, mimetype: 'image/png', size: 3, sha256: '5feceb66' };
        const stored = await database.messages.append(
          A,
          outgoing('', { content: { kind: 'image', file: image, caption: 'hi' }, quoteId: 'q' }),
        );
        expect(stored.status).to.equal('queued');
        expect(await database.messages.find(A, stored.id)).to.deep.equal(stored);
        expect(await database.messages.find(B, stored.id)).to.equal(null);
        expect(await database.messages.find(A, 'no-such-id')).to.equal(null);
      });

      it('stores a message that is handed over at once as sending, and waits for the disk', async () => {
        const handedOverAt = new Date(4_000);
        const acceptance = { status: 'sending', stanzaId: '3EB0AB', handedOverAt } as const;
        const stored = await database.messages.append(A, outgoing('now', { account: 'me@c.us' }), acceptance);
        expect(stored).to.deep.include({ ...acceptance, account: 'me@c.us', chatId: null });
        expect(await database.messages.find(A, stored.id)).to.deep.equal(stored);
        const { rows } = await sql.query('show synchronous_commit');
        expect(rows).to.deep.equal([{ synchronous_commit: 'on' }]);
      });

      it('keeps the order of 1,000 messages accepted at once for 20 agents', async () => {
        const appended = await Promise.all(
          Array.from({ length: 1_000 }, (_, n) =>
            database.messages.append({ userId: 1, agentId: `agent-${n % 20}` }, outgoing(String(n))),
          ),
        );
        const seqs = appended.map((message) => message.seq);
        expect(seqs).to.deep.equal([...seqs].sort((a, b) => a - b));
        expect(new Set(seqs).size).to.equal(1_000);
        for (let agent = 0; agent < 20; agent++) {
          const texts = (await database.messages.pending({ userId: 1, agentId: `agent-${agent}` })).map(
            ({ content }) => Number(wordsOf(content)),
          );
          expect(texts).to.deep.equal(Array.from({ length: 50 }, (_, n) => n * 20 + agent));
        }
      });

      it('keeps the order of sending and outcome without waiting in between', async () => {
        const stored = await Promise.all(
          Array.from({ length: 200 }, (_, n) => database.messages.append(A, outgoing(String(n)))),
        );
        const at = new Date(5_000);
        await Promise.all(
          stored.flatMap(({ id }) => [
            database.messages.markSending(id, { chatId: 'chat@c.us', handedOverAt: at }),
            database.messages.settle(id, { status: 'sent', messageId: `wa-${id}`, at }),
          ]),
        );
        const rows = await Promise.all(stored.map(({ id }) => database.messages.find(A, id)));
        for (const row of rows) {
          expect(row).to.deep.include({
            status: 'sent',
            messageId: `wa-${row?.id}`,
            chatId: 'chat@c.us',
            handedOverAt: at,
            sentAt: at,
          });
        }
      });

      it('only moves a status forward: an outcome never becomes sending, and sent stays sent', async () => {
        const { id } = await database.messages.append(A, outgoing('x'));
        const at = new Date(7_000);
        await database.messages.settle(id, { status: 'unknown', messageId: null, error: ERROR });
        await database.messages.markSending(id, { chatId: 'chat@c.us', handedOverAt: at });
        expect((await database.messages.find(A, id))?.status).to.equal('unknown');
        await database.messages.settle(id, { status: 'sent', messageId: 'wa', at });
        await database.messages.settle(id, { status: 'failed', error: ERROR });
        expect(await database.messages.find(A, id)).to.deep.include({
          status: 'sent',
          messageId: 'wa',
          error: null,
        });
      });

      /** A message that was sent under this id of WhatsApp's. */
      async function sentAs(messageId: string, at = new Date(1_000)): Promise<string> {
        const { id } = await database.messages.append(A, outgoing(messageId));
        await database.messages.settle(id, { status: 'sent', messageId, at });
        return id;
      }

      it('keeps when a message was delivered, read and played, in whatever order that is reported', async () => {
        const id = await sentAs('wa-1');
        const moves = [];
        for (const [ack, at] of [
          [3, 3_000],
          [2, 4_000],
          [4, 5_000],
          [3, 6_000],
        ] as const)
          moves.push(
            (await database.messages.receive(A, { messageId: 'wa-1', ack, at: new Date(at) }))?.status,
          );
        expect(moves, 'an earlier step that comes late moves nothing').to.deep.equal([
          'read',
          undefined,
          'read',
          undefined,
        ]);
        expect(await database.messages.find(A, id)).to.deep.include({
          status: 'read',
          sentAt: new Date(1_000),
          deliveredAt: new Date(3_000),
          readAt: new Date(3_000),
          playedAt: new Date(5_000),
        });
      });

      it('takes the furthest of receipts that come together with the outcome', async () => {
        const { id } = await database.messages.append(A, outgoing('x'));
        const at = new Date(2_000);
        const settled = database.messages.settle(id, { status: 'sent', messageId: 'wa-2', at });
        const moved = await Promise.all(
          [2, 3].map((ack) => database.messages.receive(A, { messageId: 'wa-2', ack, at })),
        );
        await settled;
        expect(moved.map((message) => message?.status)).to.deep.equal([undefined, 'read']);
        expect(await database.messages.find(A, id)).to.deep.include({ status: 'read', deliveredAt: at });
      });

      it('makes a message sent of which that was unknown, and leaves one that failed, is under way or of another agent', async () => {
        const at = new Date(2_000);
        const [unknown, failed, sending] = await Promise.all(
          ['u', 'f', 's'].map(async (text) => (await database.messages.append(A, outgoing(text))).id),
        );
        await database.messages.settle(unknown!, { status: 'unknown', messageId: 'wa-u', error: ERROR });
        await database.messages.settle(failed!, { status: 'failed', error: ERROR });
        await database.messages.markSending(sending!, { chatId: 'chat@c.us', handedOverAt: null });
        expect(await database.messages.receive(B, { messageId: 'wa-u', ack: 1, at })).to.equal(null);
        expect(await database.messages.receive(A, { messageId: 'wa-other', ack: 2, at })).to.equal(null);
        expect(await database.messages.receive(A, { messageId: 'wa-u', ack: 1, at })).to.deep.include({
          id: unknown,
          status: 'sent',
          error: null,
          sentAt: at,
        });
        expect((await database.messages.find(A, failed!))?.status).to.equal('failed');
        expect((await database.messages.find(A, sending!))?.status).to.equal('sending');
      });

      it('is not taken back from read by a late outcome', async () => {
        const id = await sentAs('wa-3');
        await database.messages.receive(A, { messageId: 'wa-3', ack: 3, at: new Date() });
        await database.messages.settle(id, { status: 'failed', error: ERROR });
        expect((await database.messages.find(A, id))?.status).to.equal('read');
        expect(await database.messages.purge(new Date(Date.now() + DAY_MS))).to.equal(1);
      });

      it("returns which of WhatsApp's ids belong to the agent's messages", async () => {
        const { id } = await database.messages.append(A, outgoing('1'));
        await database.messages.settle(id, { status: 'sent', messageId: 'wa-1', at: new Date() });
        expect(await database.messages.claimed(A, ['wa-1', 'wa-2'])).to.deep.equal(['wa-1']);
        expect(await database.messages.claimed(B, ['wa-1'])).to.deep.equal([]);
      });

      it('returns queued and sending messages to a restart, and no others', async () => {
        const [queued, sending, failed] = await Promise.all(
          ['1', '2', '3'].map((text) => database.messages.append(A, outgoing(text))),
        );
        await database.messages.markSending(sending!.id, { chatId: 'chat@c.us', handedOverAt: null });
        await database.messages.settle(failed!.id, { status: 'failed', error: ERROR });
        const pending = await database.messages.pending(A);
        expect(pending.map(({ id, status }) => [id, status])).to.deep.equal([
          [queued!.id, 'queued'],
          [sending!.id, 'sending'],
        ]);
      });

      it('fails queued messages when the agent is deleted, including those being stored', async () => {
        const storing = [1, 2, 3].map((n) => database.messages.append(A, outgoing(String(n))));
        const other = database.messages.append(B, outgoing('stays'));
        await database.messages.failPending(A, { code: 'SESSION_NOT_FOUND', message: 'deleted' });
        for (const { id } of await Promise.all(storing)) {
          expect((await database.messages.find(A, id))?.error?.code).to.equal('SESSION_NOT_FOUND');
        }
        expect((await database.messages.find(B, (await other).id))?.status).to.equal('queued');
      });

      it('sets a message in flight to unknown when the agent is deleted', async () => {
        const { id } = await database.messages.append(A, outgoing('under way'), { status: 'sending' });
        const error = { code: 'SESSION_NOT_FOUND', message: 'deleted' } as const;
        await database.messages.failPending(A, error);
        await database.messages.settle(id, { status: 'unknown', messageId: null, error });
        expect(await database.messages.find(A, id)).to.deep.include({ status: 'unknown', error });
      });

      it('stores every text, and refuses only a row that Postgres can’t store, not others of its batch', async () => {
        const results = await Promise.allSettled(
          ['628@c.us', '\0@c.us', '629@c.us'].map((to) =>
            database.messages.append(A, outgoing('NUL \0 and half a pair \udc00', { to })),
          ),
        );
        expect(results.map((result) => result.status)).to.deep.equal(['fulfilled', 'rejected', 'fulfilled']);
        const texts = (await database.messages.pending(A)).map(({ content }) => wordsOf(content));
        expect(texts).to.deep.equal(Array(2).fill('NUL \0 and half a pair \udc00'));
      });

      it('purges only messages with an old outcome', async () => {
        const [settled, waiting] = await Promise.all(
          ['1', '2'].map((text) => database.messages.append(A, outgoing(text))),
        );
        await database.messages.settle(settled!.id, { status: 'failed', error: ERROR });
        expect(await database.messages.purge(new Date(Date.now() - DAY_MS))).to.equal(0);
        expect(await database.messages.purge(new Date(Date.now() + DAY_MS))).to.equal(1);
        expect((await database.messages.pending(A)).map(({ id }) => id)).to.deep.equal([waiting!.id]);
      });
    });

    describe('inbound messages', () => {
      afterEach(() => sql.query('truncate gateway_inbound, gateway_message'));

      /** What another process has of the same tables. */
      const restarted = async (use: (next: Database) => Promise<void>) => {
        const next = await openDatabase({ dbUrl: fresh().url, dataDir: 'unused' });
        await use(next).finally(() => next.close());
      };
      const answerTo = (answers: string[]) => database.messages.append(A, outgoing('answer'), { answers });

      it('of a turn are claimed together, by one of several turns', async () => {
        const turns = await Promise.all([
          database.inbound.claimTurn(A, ['wa-1', 'wa-2']),
          database.inbound.claimTurn(A, ['wa-2', 'wa-3']),
          database.inbound.claimTurn(B, ['wa-1']),
        ]);
        expect(turns).to.deep.equal([['wa-1', 'wa-2'], ['wa-3'], ['wa-1']]);
        await database.inbound.settle(A, ['wa-1']);
        expect(await database.inbound.claimTurn(A, ['wa-1', 'wa-4'])).to.deep.equal(['wa-4']);
        expect(await database.inbound.claim(A, 'wa-1')).to.equal(false);
      });

      it('of a turn are claimed again when the call is repeated because its result was lost', async () => {
        await database.inbound.claimTurn(A, ['wa-1', 'wa-2']);
        expect(await database.inbound.claimTurn(A, ['wa-1', 'wa-2'])).to.have.members(['wa-1', 'wa-2']);
        await restarted(async (next) => {
          expect(await next.inbound.claimTurn(A, ['wa-1'])).to.deep.equal(['wa-1']);
          expect(await next.inbound.claimTurn(A, ['wa-1'])).to.deep.equal(['wa-1']);
          await next.inbound.settle(A, ['wa-1']);
          expect(await next.inbound.claimTurn(A, ['wa-1'])).to.deep.equal([]);
        });
      });

      it('whose claims are open are taken over by another process, once', async () => {
        await database.inbound.claimTurn(A, ['wa-1', 'wa-2']);
        await restarted(async (next) => {
          expect(await next.inbound.claimTurn(A, ['wa-1', 'wa-2', 'wa-3'])).to.have.members([
            'wa-1',
            'wa-2',
            'wa-3',
          ]);
        });
        await restarted(async (next) => {
          expect(await next.inbound.claimTurn(A, ['wa-1', 'wa-2', 'wa-3'])).to.deep.equal(['wa-3']);
        });
      });

      it('that were answered, settled or claimed without a turn are not taken over', async () => {
        await database.inbound.claimTurn(A, ['wa-1', 'wa-2', 'wa-3']);
        await answerTo(['wa-1', 'wa-2']);
        await database.inbound.settle(A, ['wa-3']);
        await database.inbound.claim(A, 'wa-4');
        await restarted(async (next) => {
          expect(await next.inbound.claimTurn(A, ['wa-1', 'wa-2', 'wa-3', 'wa-4'])).to.deep.equal([]);
        });
      });

      it('get no answer of a process that has lost the claim of one of them, and other messages are stored', async () => {
        await database.inbound.claimTurn(A, ['wa-1', 'wa-2']);
        await database.inbound.claimTurn(A, ['wa-3']);
        await restarted(async (next) => {
          await next.inbound.claimTurn(A, ['wa-2']);
          const lost = ['wa-1', 'wa-2'];
          const results = await Promise.allSettled([
            database.messages.append(A, outgoing('plain')),
            database.messages.append(A, outgoing('first'), { answers: lost }),
            database.messages.append(A, outgoing('second'), { answers: lost }),
            answerTo(['wa-3']),
          ]);
          expect(results.map(({ status }) => status)).to.deep.equal([
            'fulfilled',
            'rejected',
            'rejected',
            'fulfilled',
          ]);
          expect((await database.messages.pending(A)).map(({ content }) => wordsOf(content))).to.deep.equal([
            'plain',
            'answer',
          ]);
          await database.inbound.settle(A, ['wa-2']);
          await next.messages.append(A, outgoing('answered by the next'), { answers: ['wa-2'] });
        });
      });

      it('are claimed by exactly one of 100 callers at once', async () => {
        const claims = await Promise.all(
          Array.from({ length: 100 }, () => database.inbound.claim(A, 'wa-1')),
        );
        expect(claims.filter(Boolean)).to.have.length(1);
        expect(await database.inbound.claim(A, 'wa-1')).to.equal(false);
        expect(await database.inbound.claim(B, 'wa-1')).to.equal(true);
      });

      it('belong to the newest link of the account, which is deleted with the agent', async () => {
        expect(await database.inbound.linkedAt(A)).to.equal(null);
        await database.inbound.link(A, new Date(1_000));
        await database.inbound.link(A, new Date(2_000));
        expect(await database.inbound.linkedAt(A)).to.deep.equal(new Date(2_000));
        expect(await database.inbound.linkedAt(B)).to.equal(null);
        await database.agents.remove(A);
        expect(await database.inbound.linkedAt(A)).to.equal(null);
      });
    });

    describe('chats', () => {
      const at = new Date('2026-01-01T08:00:00.000Z');
      const until = new Date('2026-01-01T08:30:00.000Z');
      const entry = { fromMe: false, by: 'customer', text: 'halo', type: 'text', at } as const;
      /** Records a text, `seconds` after the first. */
      const record = (chatId: string, key: string, seconds: number, arrivedAt = at) =>
        database.chats.record(C, chatId, {
          ...entry,
          key,
          text: key,
          at: new Date(at.getTime() + seconds * 1_000),
          arrivedAt,
        });
      const texts = async (chatId: string) =>
        (await database.chats.history(C, chatId)).entries.map(({ text }) => text);

      beforeEach(async () => {
        await sql.query('truncate gateway_chat, gateway_chat_message, gateway_agent_settings');
        await database.agents.save({ ...C, agentName: 'C', apiKey: 'k', status: 'connected' });
      });

      it('keep their mode and its end, and forget them', async () => {
        const chat = {
          chatId: '1@c.us',
          lid: '1@lid',
          mode: 'human',
          since: at,
          until,
          repliesUntil: at,
        } as const;
        await database.chats.save(C, chat);
        expect(await database.chats.load(C)).to.deep.equal([{ ...chat, hasHistory: false }]);
        await database.chats.save(C, { ...chat, mode: 'closed', until: null, repliesUntil: null });
        await record('1@c.us', 'a', 0);
        expect(await database.chats.load(C)).to.deep.equal([
          { ...chat, mode: 'closed', until: null, repliesUntil: null, hasHistory: true },
        ]);
        expect(await database.chats.load({ ...C, userId: 2 })).to.deep.equal([]);
        await database.chats.remove(C, '1@c.us');
        expect(await database.chats.load(C)).to.deep.equal([]);
      });

      it('keep what passed once each, in the order of writing and then of arrival, the newest fifty', async () => {
        const odd = '\0 \ud800 ✓';
        await database.chats.record(C, '1@c.us', { ...entry, key: 'odd', text: odd, arrivedAt: at });
        const later = new Date(at.getTime() + 5);
        await record('1@c.us', 'third', 1, later);
        await record('1@c.us', 'second', 1, at);
        await record('1@c.us', 'second', 1, at);
        expect(await texts('1@c.us')).to.deep.equal([odd, 'second', 'third']);
        for (let n = 0; n < 60; n += 1) await record('2@c.us', `n${n}`, n);
        expect(await texts('2@c.us')).to.deep.equal(Array.from({ length: 50 }, (_, n) => `n${n + 10}`));
        const { rows } = await sql.query("select from gateway_chat_message where chat_id = '2@c.us'");
        expect(rows).to.have.length(50);
      });

      it('forget what was used, and keep what came after it', async () => {
        await record('1@c.us', 'used', 0);
        const { lastId } = await database.chats.history(C, '1@c.us');
        await record('1@c.us', 'new', 0);
        await database.chats.forget(C, '1@c.us', lastId);
        expect(await texts('1@c.us')).to.deep.equal(['new']);
      });

      it('are joined when two addresses are one person’s', async () => {
        await database.chats.save(C, {
          chatId: '1@lid',
          lid: null,
          mode: 'human',
          since: at,
          until,
          repliesUntil: null,
        });
        await record('1@lid', 'by LID', 0);
        await record('1@lid', 'by both', 1);
        await record('1@c.us', 'by both', 1);
        await database.chats.merge(C, '1@lid', '1@c.us');
        expect(await texts('1@c.us')).to.deep.equal(['by LID', 'by both']);
        expect(await database.chats.load(C)).to.deep.equal([]);
      });

      it('and settings are stored of agents that exist alone, and go with them', async () => {
        expect(await database.agentSettings.load(C)).to.deep.equal(NO_SETTINGS);
        const settings: AgentSettings = {
          inboundTypes: ['text', 'image'],
          aiMedia: 'base64',
          debounceMs: 2_000,
          debounceMaxMs: 20_000,
          handoverMinutes: 5,
          ignore: ['1@c.us'],
          replyDelay: { perCharacterMs: 30, maxMs: 5_000 },
        };
        await database.agentSettings.save(C, settings);
        expect(await database.agentSettings.load(C)).to.deep.equal(settings);
        await database.agents.remove(C);
        const chat = {
          chatId: '1@c.us',
          lid: null,
          mode: 'human',
          since: at,
          until,
          repliesUntil: null,
        } as const;
        await database.chats.save(C, chat);
        await record('1@c.us', 'late', 0);
        await database.agentSettings.save(C, settings);
        expect(await database.chats.load(C)).to.deep.equal([]);
        expect(await texts('1@c.us')).to.deep.equal([]);
        expect(await database.agentSettings.load(C)).to.deep.equal(NO_SETTINGS);
      });
    });

    it('knows the messages of this service by their stanza ids', async () => {
      await database.messages.append(A, outgoing('ours'), { stanzaId: '3EB0OURS' });
      const known = await Promise.all(['3EB0OURS', '3EB0OTHER'].map((id) => database.messages.isOurs(id)));
      expect(known).to.deep.equal([true, false]);
      const { id } = await database.messages.append(A, outgoing('mine'), { stanzaId: '3EB0MINE' });
      expect(await database.messages.idOfStanza(A, '3EB0MINE')).to.equal(id);
      expect(await database.messages.idOfStanza(B, '3EB0MINE')).to.equal(null);
    });

    it('returns the caller’s own data with a message', async () => {
      const { id } = await database.messages.append(A, { ...outgoing('x'), callbackData: 'order 7' });
      expect(await database.messages.find(A, id)).to.have.property('callbackData', 'order 7');
    });

    describe('idempotency keys', () => {
      const key = { ...A, operation: 'messages', key: 'k', bodyHash: 'h' };
      const answer = { status: 200, headers: { Location: '/x' }, body: { z: 1, a: { nul: 'a\u0000b' } } };
      afterEach(() => sql.query('truncate gateway_idempotency'));

      it('are new for exactly one of 50 requests at once', async () => {
        const states = await Promise.all(Array.from({ length: 50 }, () => database.idempotency.begin(key)));
        expect(states.filter(({ state }) => state === 'new')).to.have.length(1);
        expect(states.filter(({ state }) => state === 'in_flight')).to.have.length(49);
      });

      /** Starts a request, which has to be the first of its key. */
      async function hold(store = database.idempotency) {
        const begun = await store.begin(key);
        if (begun.state !== 'new') return expect.fail(`the key is ${begun.state}`);
        return { ...key, storedId: begun.storedId };
      }

      it('replay the answer unchanged, with its keys in order', async () => {
        await database.idempotency.complete(await hold(), answer);
        const again = await database.idempotency.begin(key);
        expect(JSON.stringify(again)).to.equal(JSON.stringify({ state: 'done', answer }));
      });

      it('conflict with another body, and are not shared by agents or operations', async () => {
        await hold();
        const state = async (change: object) =>
          (await database.idempotency.begin({ ...key, ...change })).state;
        expect(await state({ bodyHash: 'other' })).to.equal('mismatch');
        expect(await state({ agentId: 'b' })).to.equal('new');
        expect(await state({ operation: 'run' })).to.equal('new');
      });

      it('may be reused once abandoned, after 24 h, and after the process died without storing a message', async () => {
        await database.idempotency.abandon(await hold());
        await hold();
        // Another process, after the first has ended.
        const next = new Database(new DatabasePool(fresh().config), null);
        await next.idempotency.complete(await hold(next.idempotency), answer);
        await sql.query(`update gateway_idempotency set created_at = now() - interval '25 hours'`);
        await hold(next.idempotency);
        await next.close();
      });

      it('are taken over from a dead process by exactly one of 50 requests at once', async () => {
        await hold();
        const next = new Database(new DatabasePool(fresh().config), null);
        const states = await Promise.all(Array.from({ length: 50 }, () => next.idempotency.begin(key)));
        expect(states.filter(({ state }) => state === 'new')).to.have.length(1);
        expect(states.filter(({ state }) => state === 'in_flight')).to.have.length(49);
        await next.close();
      });

      it('lead to the message stored under them when the process died', async () => {
        const id = (await hold()).storedId;
        expect((await database.messages.append(A, { ...outgoing('cut off'), id })).id).to.equal(id);
        const next = new Database(new DatabasePool(fresh().config), null);
        const { idempotency } = next;
        for (let repeat = 0; repeat < 2; repeat += 1)
          expect(await idempotency.begin(key)).to.deep.equal({ state: 'cut_off', storedId: id });
        expect(await idempotency.begin({ ...key, bodyHash: 'other' })).to.deep.equal({ state: 'mismatch' });
        await idempotency.complete({ ...key, storedId: id }, answer);
        expect(await idempotency.begin(key)).to.deep.equal({ state: 'done', answer });
        await next.close();
      });

      it('are not changed by the late end of a request that lost them', async () => {
        const late = { ...(await hold()), storedId: randomUUID() };
        await database.idempotency.complete(late, answer);
        await database.idempotency.abandon(late);
        expect(await database.idempotency.begin(key)).to.deep.equal({ state: 'in_flight' });
      });
    });

    it('measures every query by its operation, and counts connections', async () => {
      const seen: string[] = [];
      const measured = await openDatabase({
        dbUrl: fresh().url,
        dataDir: 'unused',
        onQuery: (operation, seconds) => {
          if (seconds >= 0) seen.push(operation);
        },
      });
      await measured.ping();
      await measured.purge();
      expect(measured.poolStats()).to.have.keys('total', 'idle', 'waiting');
      await measured.close();
      expect(seen).to.include.members(['ping', 'message.purge', 'inbound.purge', 'idempotency.purge']);
    });

    it('includes no value of a row in an error or its log line', async () => {
      const secret = 'sk-very-secret';
      const bad = {
        userId: 1,
        agentId: 'x',
        agentName: secret,
        apiKey: `${secret}\0`,
        status: 'connected',
      } as const;
      const errors = [
        await failure(database.agents.save(bad)),
        await failure(database.agents.save({ ...bad, userId: secret as unknown as number, apiKey: secret })),
        await failure(database.messages.append(A, outgoing(secret, { origin: secret as 'api' }))),
      ];
      for (const error of errors) {
        expect(error.code).to.equal('INTERNAL');
        const cause = error.cause as Error;
        const texts = [
          error.message,
          cause.message,
          cause.stack,
          JSON.stringify({ ...cause }),
          String(error.stack),
        ];
        expect(texts.join('\n')).not.to.include(secret);
      }
    });
  });
}
