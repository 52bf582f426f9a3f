import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import pg from 'pg';
import { NO_SETTINGS } from '../../../src/actors/domain/settings.ts';
import { Database, openDatabase } from '../../../src/infra/postgres/database.ts';
import { DatabasePool } from '../../../src/infra/postgres/pool.ts';
import { createDatabase, flavours, type TestDatabase } from '../../support/postgres.ts';

const SOURCES = new URL('../../../src/infra/postgres/', import.meta.url);
const AGENT = { userId: 7, agentId: 'agent-7' };
const OTHER = { userId: 9, agentId: 'agent-9' };
const ERROR = { code: 'EXPIRED', message: 'It waited too long.' };

/** Statements that read a whole table by design; they run at startup or on a timer, never for a request. */
const NOT_OF_REQUESTS = new Set([
  'agent.list',
  'message.purge',
  'inbound.purge',
  'idempotency.purge',
  'file.delete_expired',
  'file.usage',
  'secret.get',
  'schema.encoding',
  'schema.columns',
  'schema.privileges',
  'agent.version',
  'chat.purge_messages',
  'chat.purge',
  'webhook.load',
  'webhook.purge_orphans',
  'webhook.purge_overflow',
  'webhook.purge_dead',
  'webhook.purge_excess',
  'ping',
]);

// A new agentId must not be another user's: the owner's table, with one row per agent, has no index for that.
const BY_AGENT_ALONE = ['agent.save: Seq Scan on whatsapp_user'];
/** The oldest thousand, read off the index in its order, and the queued messages, any of which may need one. */
const OLDEST = [
  'file.delete_oldest: Index Scan on gateway_file',
  'file.delete_oldest: Bitmap Index Scan on gateway_message_pending',
];

/** Enough rows for a scan of a table to cost more than any index. */
const FILL = `
  insert into gateway_message
    (id, user_id, agent_id, to_jid, content, file_id, origin, trace_id, status, message_id,
      stanza_id, created_at)
    select gen_random_uuid(), n % 300, 'agent-' || n % 300, '628123456789@c.us', '{"kind": "text"}', gen_random_uuid(), 'api',
      'trace',
      case when n % 100 = 0 then 'queued' else 'sent' end, 'wa-' || n, 'stanza-' || n, now() - n * interval '1 minute'
    from generate_series(1, 12000) as n;
  insert into gateway_inbound (user_id, agent_id, wa_message_id)
    select n % 300, 'agent-' || n % 300, 'wa-' || n from generate_series(1, 12000) as n;
  insert into gateway_link (user_id, agent_id, linked_at)
    select n, 'agent-' || n, now() from generate_series(1, 3000) as n;
  insert into gateway_chat (user_id, agent_id, chat_id, mode, since)
    select n % 300, 'agent-' || n % 300, n || '@c.us', 'human', now() from generate_series(1, 12000) as n;
  insert into gateway_chat_message (user_id, agent_id, chat_id, message_key, entry, at, arrived_at)
    select n % 300, 'agent-' || n % 300, n % 3000 || '@c.us', 'key-' || n, '{}', now(), now()
    from generate_series(1, 60000) as n;
  insert into gateway_webhook (id, user_id, agent_id, url, events, format, secret, verified_at, created_at)
    select gen_random_uuid(), n, 'agent-' || n, 'https://example.com/', '{*}', 'native', '', now(), now()
    from generate_series(1, 3000) as n;
  insert into gateway_webhook_delivery (webhook_id, user_id, agent_id, type, at, since, data, status, dead_at)
    select id, user_id, agent_id, 'chat.mode', now(), now(), '{}',
      case when n % 2 = 0 then 'waiting' else 'dead' end, now()
    from gateway_webhook cross join generate_series(1, 5) as n;
  insert into gateway_agent_settings (user_id, agent_id, settings)
    select n, 'agent-' || n, '{}' from generate_series(1, 3000) as n;
  insert into gateway_file (id, user_id, agent_id, mimetype, size, sha256, created_at, expires_at)
    select gen_random_uuid(), n % 300, 'agent-' || n % 300, 'text/csv', 5000, '', now() - n * interval '1 minute', now()
    from generate_series(1, 12000) as n;
  insert into gateway_idempotency (user_id, agent_id, operation, key, body_hash, state, stored_id)
    select n % 300, 'agent-' || n % 300, 'messages', 'key-' || n, 'hash', 'in_flight', gen_random_uuid()
    from generate_series(1, 12000) as n;
  insert into whatsapp_user (user_id, agent_id, agent_name, api_key, status)
    select n, 'agent-' || n, 'Agent', 'key', 'connected' from generate_series(1, 3000) as n;
  insert into api_keys (user_id, api_key) select n % 3000, 'key-' || n from generate_series(1, 12000) as n;
  analyze`;

interface Statement {
  operation: string;
  text: string;
  values: unknown[];
}

/** A pool that records its statements, and how many of one operation ran at once. */
class RecordingPool extends DatabasePool {
  readonly statements: Statement[] = [];
  readonly most = new Map<string, number>();
  readonly #running = new Map<string, number>();

  override async query<Row extends pg.QueryResultRow>(
    ...args: Parameters<DatabasePool['query']>
  ): Promise<Row[]> {
    const [operation, text, values = []] = args;
    this.statements.push({ operation, text, values });
    const running = (this.#running.get(operation) ?? 0) + 1;
    this.#running.set(operation, running);
    this.most.set(operation, Math.max(this.most.get(operation) ?? 0, running));
    return super.query<Row>(...args).finally(() => {
      this.#running.set(operation, this.#running.get(operation)! - 1);
    });
  }
}

interface PlanNode {
  'Node Type': string;
  'Relation Name'?: string;
  'Index Name'?: string;
  'Index Cond'?: string;
  Plans?: PlanNode[];
}

/** The parts of a plan that read every row of a table or an index. */
function scans(node: PlanNode): string[] {
  const isScan =
    node['Node Type'] === 'Seq Scan' || (/Index.* Scan/.test(node['Node Type']) && !node['Index Cond']);
  const own = isScan ? [`${node['Node Type']} on ${node['Relation Name'] ?? node['Index Name']}`] : [];
  return [...own, ...(node.Plans ?? []).flatMap(scans)];
}

/** The names of all operations in the sources of the stores. */
function operations(): string[] {
  const texts = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(new URL(name, SOURCES), 'utf8'));
  return texts.flatMap((text) =>
    [...text.matchAll(/query(?:<.*>)?\(\s*'([a-z_.]+)',/g)].map((match) => match[1]!),
  );
}

/** Every statement of the stores, at least once. */
async function useEverything(database: Database): Promise<void> {
  const { agents, apiKeys, messages, inbound, idempotency, files, secrets, chats, agentSettings, webhooks } =
    database;
  await agents.save({ ...AGENT, agentName: 'Seven', apiKey: 'k', status: 'connected' });
  await agents.list();
  await agents.find(AGENT);
  await agents.has(AGENT);
  await agents.setStatus(AGENT, { from: 'awaiting_qr', to: 'connected', reason: null, at: new Date() });
  await agents.setApiKey(AGENT, 'k');
  await apiKeys.active(7);
  const out = {
    to: '628123456789@c.us',
    content: { kind: 'text', text: 'hello' },
    origin: 'api',
    traceId: 't',
  } as const;
  const { id } = await messages.append(AGENT, out);
  await messages.find(AGENT, id);
  await messages.claimed(AGENT, ['wa-7']);
  await messages.pending(AGENT);
  await messages.settle(id, { status: 'failed', error: ERROR });
  await messages.settle(id, { status: 'sent', messageId: 'wa', at: new Date() });
  await messages.receive(AGENT, { messageId: 'wa', ack: 2, at: new Date() });
  await messages.failPending(AGENT, ERROR);
  await inbound.claim(AGENT, 'wa');
  await inbound.claimTurn(AGENT, ['wa-1', 'wa-2']);
  await inbound.settle(AGENT, ['wa-1']);
  await inbound.link(AGENT, new Date());
  await inbound.linkedAt(AGENT);
  const key = { ...AGENT, operation: 'run', key: 'k', bodyHash: 'h' };
  await idempotency.begin(key);
  await idempotency.begin(key);
  const held = { ...key, storedId: id };
  await idempotency.complete(held, { status: 200, headers: {}, body: {} });
  await idempotency.abandon(held);
  const at = new Date();
  const file = { id, mimetype: 'text/csv', size: 1, sha256: '', createdAt: at, expiresAt: at };
  await files.insert(AGENT, file, false);
  await files.take(AGENT, id, at);
  await files.release(AGENT, id);
  await files.find(AGENT, id, at);
  await files.findLinked(id, at);
  await files.remove(AGENT, id, at);
  await files.deleteOldest(1, at);
  await files.missing([id]);
  await secrets.get('file-links');
  await messages.isOurs('stanza-7');
  await messages.idOfStanza(AGENT, 'stanza-7');
  const chatId = '7@c.us';
  await chats.save(AGENT, { chatId, lid: null, mode: 'human', since: at, until: at, repliesUntil: at });
  const entry = { fromMe: true, by: 'human', text: 'hello', type: 'text', at } as const;
  await chats.record(AGENT, chatId, { ...entry, key: '3EB0', arrivedAt: at });
  await chats.load(AGENT);
  await chats.forget(AGENT, chatId, (await chats.history(AGENT, chatId)).lastId);
  await chats.merge(AGENT, chatId, '8@c.us');
  await chats.remove(AGENT, '8@c.us');
  await agentSettings.save(AGENT, { ...NO_SETTINGS, handoverMinutes: 5 });
  await agentSettings.load(AGENT);
  const webhook = { ...AGENT, id, url: 'https://example.com/', format: 'native', secret: '' } as const;
  const stored = { ...webhook, events: ['*' as const], verifyToken: null, verifiedAt: at, createdAt: at };
  await webhooks.insert(stored);
  await webhooks.update(stored);
  const event = { type: 'chat.mode', at, data: {} } as const;
  await webhooks.record(AGENT, event);
  await webhooks.record(AGENT, { ...event, key: 'key' });
  await webhooks.recorded(AGENT, event.type, ['key']);
  await webhooks.backlogs([id]);
  await webhooks.waiting([id]);
  const [taken] = await webhooks.take(id, 10);
  await webhooks.failed(taken!.id, 'TIMEOUT');
  await webhooks.giveUp(id, at);
  await webhooks.deliveries(id, { status: 'dead', limit: 20 });
  await webhooks.redrive(id, taken!.id, at);
  await webhooks.delivered(taken!.id);
  await webhooks.remove(id);
  await agents.forget(AGENT);
  await agents.remove(AGENT);
}

for (const { name, binDir } of flavours()) {
  describe(`statements on filled tables, on ${name}`, function () {
    this.timeout(120_000);
    let filled: TestDatabase;
    let pool: RecordingPool;
    let database: Database;
    let sql: pg.Client;

    before(async () => {
      filled = await createDatabase(binDir);
      await (await openDatabase({ dbUrl: filled.url, dataDir: 'unused' })).close();
      sql = new pg.Client(filled.config);
      await sql.connect();
      await sql.query(FILL);
      pool = new RecordingPool(filled.config);
      database = new Database(pool, null);
    });
    after(async () => {
      await database.close();
      await sql.end();
    });

    it('all use an index when a request causes them', async () => {
      await useEverything(database);
      const used = new Set(pool.statements.map(({ operation }) => operation));
      expect(operations()).to.include('message.find');
      expect(
        operations().filter((operation) => !used.has(operation) && !NOT_OF_REQUESTS.has(operation)),
      ).to.deep.equal([]);
      const found: string[] = [];
      for (const { operation, text, values } of pool.statements) {
        if (NOT_OF_REQUESTS.has(operation)) continue;
        const { rows } = await sql.query(`explain (format json) ${text}`, values);
        for (const scan of scans(rows[0]['QUERY PLAN'][0].Plan)) found.push(`${operation}: ${scan}`);
      }
      expect(found).to.deep.equal([...BY_AGENT_ALONE, ...OLDEST]);
    });

    it('read for all callers one at a time, so that one key does not use up the connections', async () => {
      const { rows } = await sql.query<{ id: string }>(
        `select id from gateway_message where agent_id = 'agent-9'`,
      );
      const asked = Array.from({ length: 500 }, (_, n) =>
        database.messages.find(OTHER, rows[n % rows.length]!.id),
      );
      const waiting = database.readiness();
      for (let n = 0; n < 500; n += 1) expect(database.readiness()).to.equal(waiting);
      expect(database.poolStats().total).to.be.at.most(2);
      expect((await Promise.all(asked)).every((message) => message?.agentId === OTHER.agentId)).to.equal(
        true,
      );
      expect(await waiting).to.deep.equal({ database: 'ok' });
      expect(pool.most.get('message.find')).to.equal(1);
    });

    it('are not run for an id that is not a UUID', async () => {
      const before = pool.statements.length;
      for (const id of [
        '',
        'no-such-id',
        '\0',
        "' or true --",
        `${'a'.repeat(8)}-x`,
        '{0-0}',
        '１'.repeat(36),
      ])
        expect(await database.messages.find(OTHER, id), id).to.equal(null);
      expect(pool.statements.length).to.equal(before);
    });
  });
}
