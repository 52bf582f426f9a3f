import type { AgentRef } from '../../../actors/domain/identity.ts';
import type {
  Backlog,
  Delivery,
  OnPublished,
  StoredWebhook,
  TakenDelivery,
  WebhookEvent,
  WebhookEventType,
  WebhookStore,
} from '../../../actors/domain/ports/webhooks.ts';
import { GroupCommit } from '../group-commit.ts';
import type { DatabasePool } from '../pool.ts';
import { insertEvents } from './published-events.ts';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const PURGE_BATCH = 5_000;
/** What waits for one webhook at most, and what is kept of its dead letters; checked by each purge. */
const MAX_WAITING = 100_000;
const MAX_DEAD = 10_000;

interface WebhookRow {
  id: string;
  user_id: string;
  agent_id: string;
  url: string;
  events: StoredWebhook['events'];
  format: StoredWebhook['format'];
  secret: string;
  verify_token: string | null;
  verified_at: Date | null;
  created_at: Date;
}

interface DeliveryRow {
  id: string;
  agent_id: string;
  type: Delivery['type'];
  at: Date;
  sequence: string | null;
  data: unknown;
  status: Delivery['status'];
  attempts: number;
  error: string | null;
  position: string;
  since: Date;
}

const DELIVERY_COLUMNS = 'id, agent_id, type, at, sequence, data, status, attempts, error, position, since';

/**
 * The next events of webhooks, a few of each. Those that were never taken get the next numbers of their webhook, in the
 * order in which they were written. A power cut may undo that: the disk is not waited for, and the same order gives the
 * same numbers.
 */
const TAKE = `
  with head as (
    select delivery.* from unnest($1::uuid[], $2::int[]) as webhook (id, most) cross join lateral (
      select webhook_id, ${DELIVERY_COLUMNS} from public.gateway_webhook_delivery
      where webhook_id = webhook.id and status = 'waiting' order by sequence, position limit webhook.most) as delivery),
  fresh as (
    select id, webhook_id, row_number() over (partition by webhook_id order by position) as place
    from head where sequence is null),
  counted as (select webhook_id, count(*) as events from fresh group by webhook_id),
  counter as (
    update public.gateway_webhook as webhook set last_sequence = last_sequence + counted.events
    from (select set_config('synchronous_commit', 'off', true)) as relaxed, counted
    where webhook.id = counted.webhook_id
    returning webhook.id, webhook.last_sequence - counted.events as base),
  numbered as (
    update public.gateway_webhook_delivery as delivery set sequence = counter.base + fresh.place
    from fresh join counter on counter.id = fresh.webhook_id
    where delivery.id = fresh.id returning delivery.id, delivery.sequence)
  select webhook_id, head.id, agent_id, type, at, data, status, attempts, error, position, since,
    coalesce(head.sequence, numbered.sequence) as sequence
  from head left join numbered on numbered.id = head.id
  where coalesce(head.sequence, numbered.sequence) is not null order by webhook_id, sequence`;

/**
 * Events without a row of their own. Those with a key are claimed in the same statement, so that neither claim nor event
 * is there without the other; a power cut loses both, and WhatsApp reports the message again.
 */
const RECORD = `
  with event as (
    select event.* from (select set_config('synchronous_commit', 'off', true)) as relaxed,
      unnest($1::bigint[], $2::text[], $3::text[], $4::timestamptz[], $5::json[], $6::text[])
        with ordinality as event (user_id, agent_id, type, at, data, claim, place)),
  fresh as (
    insert into public.gateway_inbound (user_id, agent_id, wa_message_id)
    select user_id, agent_id, claim from event where claim is not null
    on conflict do nothing returning user_id, agent_id, wa_message_id)
  ${insertEvents(`(
    select event.* from event left join fresh
      on fresh.user_id = event.user_id and fresh.agent_id = event.agent_id and fresh.wa_message_id = event.claim
    where event.claim is null or fresh.wa_message_id is not null)`)}`;

interface AgentEvent extends AgentRef {
  event: WebhookEvent;
  /** Its key as a claim; null without one. */
  claim: string | null;
}

/** Webhooks in `gateway_webhook`, their outbox in `gateway_webhook_delivery`. */
export class PgWebhookStore implements WebhookStore {
  readonly #pool: DatabasePool;
  readonly #onPublished: OnPublished;
  // Under load, one statement for many webhooks.
  readonly #records = new GroupCommit((events: AgentEvent[]) => this.#insertEvents(events));
  readonly #takes = new GroupCommit((takes: { id: string; limit: number }[]) => this.#takeAll(takes));
  readonly #delivered = new GroupCommit((ids: string[]) => this.#delete(ids));

  constructor(pool: DatabasePool, onPublished: OnPublished = () => {}) {
    this.#pool = pool;
    this.#onPublished = onPublished;
  }

  async load(): Promise<StoredWebhook[]> {
    const rows = await this.#pool.query<WebhookRow & { [column: string]: unknown }>(
      'webhook.load',
      'select * from public.gateway_webhook order by created_at, id',
    );
    return rows.map(toWebhook);
  }

  async insert(webhook: StoredWebhook): Promise<boolean> {
    const rows = await this.#pool.query(
      'webhook.insert',
      `insert into public.gateway_webhook
         (id, user_id, agent_id, url, events, format, secret, verify_token, verified_at, created_at)
       select $1::uuid, $2::bigint, $3::text, $4::text, $5::text[], $6::text, $7::text, $8::text,
         $9::timestamptz, $10::timestamptz
       where exists (select from public.whatsapp_user where user_id = $2 and agent_id = $3 for key share)
       returning id`,
      [webhook.id, webhook.userId, webhook.agentId, ...changeable(webhook), webhook.createdAt],
    );
    return rows.length > 0;
  }

  async update(webhook: StoredWebhook): Promise<void> {
    await this.#pool.query(
      'webhook.update',
      `update public.gateway_webhook set url = $2, events = $3, format = $4, secret = $5, verify_token = $6,
         verified_at = $7 where id = $1`,
      [webhook.id, ...changeable(webhook)],
    );
  }

  async remove(id: string): Promise<void> {
    await this.#pool.query(
      'webhook.remove',
      `with removed as (delete from public.gateway_webhook where id = $1),
       waiting as (delete from public.gateway_webhook_delivery where webhook_id = $1 and status = 'waiting')
       delete from public.gateway_webhook_delivery where webhook_id = $1 and status = 'dead'`,
      [id],
    );
  }

  async backlogs(ids: string[]): Promise<Map<string, Backlog>> {
    const rows = await this.#pool.query<{
      id: string;
      waiting: string;
      dead: string;
      oldest_at: Date | null;
    }>(
      'webhook.backlogs',
      `select webhook.id, oldest.at as oldest_at,
         (select count(*) from public.gateway_webhook_delivery
           where webhook_id = webhook.id and status = 'waiting') as waiting,
         (select count(*) from public.gateway_webhook_delivery
           where webhook_id = webhook.id and status = 'dead') as dead
       from unnest($1::uuid[]) as webhook (id) left join lateral (
         select at from public.gateway_webhook_delivery
         where webhook_id = webhook.id and status = 'waiting' order by sequence, position limit 1) as oldest on true`,
      [ids],
    );
    return new Map(
      rows.map((row) => [
        row.id,
        { waiting: Number(row.waiting), dead: Number(row.dead), oldestAt: row.oldest_at },
      ]),
    );
  }

  async record({ userId, agentId }: AgentRef, event: WebhookEvent): Promise<void> {
    const claim = event.key === undefined ? null : claimOf(event.type, event.key);
    await this.#records.add({ userId, agentId, event, claim });
  }

  async recorded(
    { userId, agentId }: AgentRef,
    type: WebhookEventType,
    keys: string[],
  ): Promise<Set<string>> {
    const rows = await this.#pool.query<{ wa_message_id: string }>(
      'webhook.recorded',
      `select wa_message_id from public.gateway_inbound
       where agent_id = $2 and user_id = $1 and wa_message_id = any($3::text[])`,
      [userId, agentId, keys.map((key) => claimOf(type, key))],
    );
    const claims = new Set(rows.map((row) => row.wa_message_id));
    return new Set(keys.filter((key) => claims.has(claimOf(type, key))));
  }

  async waiting(ids: string[]): Promise<string[]> {
    const rows = await this.#pool.query<{ id: string }>(
      'webhook.waiting',
      `select id from unnest($1::uuid[]) as webhook (id) where exists (
         select from public.gateway_webhook_delivery where webhook_id = webhook.id and status = 'waiting')`,
      [ids],
    );
    return rows.map(({ id }) => id);
  }

  take(id: string, limit: number): Promise<TakenDelivery[]> {
    return this.#takes.add({ id, limit });
  }

  async delivered(deliveryId: string): Promise<void> {
    await this.#delivered.add(deliveryId);
  }

  async failed(deliveryId: string, error: string): Promise<void> {
    await this.#pool.query(
      'webhook.failed',
      `update public.gateway_webhook_delivery set attempts = attempts + 1, error = $2 where id = $1`,
      [deliveryId, error],
    );
  }

  async giveUp(id: string, since: Date): Promise<number> {
    const rows = await this.#pool.query(
      'webhook.give_up',
      `update public.gateway_webhook_delivery set status = 'dead', dead_at = now()
       where webhook_id = $1 and status = 'waiting' and since <= $2 returning id`,
      [id, since],
    );
    return rows.length;
  }

  async deliveries(
    id: string,
    { status, before, limit }: Parameters<WebhookStore['deliveries']>[1],
  ): Promise<Delivery[]> {
    const rows = await this.#pool.query<DeliveryRow & { [column: string]: unknown }>(
      'webhook.deliveries',
      `select ${DELIVERY_COLUMNS} from public.gateway_webhook_delivery
       where webhook_id = $1 and status = $2 and position < coalesce($3::bigint, 9223372036854775807)
       order by position desc limit $4`,
      [id, status, before ?? null, limit],
    );
    return rows.map(toDelivery);
  }

  async redrive(id: string, deliveryId: string, at: Date): Promise<Delivery | null> {
    if (!UUID.test(deliveryId)) return null;
    const rows = await this.#pool.query<DeliveryRow & { [column: string]: unknown }>(
      'webhook.redrive',
      `update public.gateway_webhook_delivery set status = 'waiting', dead_at = null,
         since = case when status = 'dead' then $3 else since end
       where webhook_id = $1 and id = $2 returning ${DELIVERY_COLUMNS}`,
      [id, deliveryId, at],
    );
    return rows[0] ? toDelivery(rows[0]) : null;
  }

  /**
   * Deletes what was written for a webhook while that was deleted, and dead letters from before `olderThan` or beyond the
   * newest ten thousand of a webhook. What waits beyond a hundred thousand, the oldest, is given up.
   */
  async purge(olderThan: Date): Promise<void> {
    await this.#pool.query(
      'webhook.purge_orphans',
      `delete from public.gateway_webhook_delivery as delivery
       where not exists (select from public.gateway_webhook where id = delivery.webhook_id)`,
    );
    await this.#pool.query(
      'webhook.purge_overflow',
      `update public.gateway_webhook_delivery set status = 'dead', dead_at = now(), error = 'TOO_MANY_WAITING'
       where id in (
         select delivery.id from public.gateway_webhook as webhook cross join lateral (
           select id from public.gateway_webhook_delivery where webhook_id = webhook.id and status = 'waiting'
           order by sequence desc, position desc offset ${MAX_WAITING}) as delivery)`,
    );
    await this.#pool.query(
      'webhook.purge_dead',
      `delete from public.gateway_webhook_delivery where status = 'dead' and dead_at < $1`,
      [olderThan],
    );
    await this.#pool.query(
      'webhook.purge_excess',
      `delete from public.gateway_webhook_delivery where id in (
         select delivery.id from public.gateway_webhook as webhook cross join lateral (
           select id from public.gateway_webhook_delivery where webhook_id = webhook.id and status = 'dead'
           order by position desc offset ${MAX_DEAD} limit ${PURGE_BATCH}) as delivery)`,
    );
  }

  /** Waits for running writes. */
  async close(): Promise<void> {
    await Promise.all([this.#records.flushed(), this.#delivered.flushed()]);
  }

  /** Inserts events for the webhooks that want them; of two with one claim the first. */
  async #insertEvents(events: AgentEvent[]): Promise<undefined[]> {
    const claims = new Set<string>();
    const news = events.filter(({ userId, agentId, claim }) => {
      if (claim === null) return true;
      const name = `${userId} ${agentId} ${claim}`;
      const isFirst = !claims.has(name);
      claims.add(name);
      return isFirst;
    });
    await this.#pool.query(
      'webhook.record',
      RECORD,
      [
        news.map(({ userId }) => userId),
        news.map(({ agentId }) => agentId),
        news.map(({ event }) => event.type),
        news.map(({ event }) => event.at),
        news.map(({ event }) => JSON.stringify(event.data)),
        news.map(({ claim }) => claim),
      ],
      { prepared: true },
    );
    for (const { event, ...agent } of news) this.#onPublished(event.type, [agent]);
    return events.map(() => undefined);
  }

  /** Takes the next events of several webhooks. */
  async #takeAll(takes: { id: string; limit: number }[]): Promise<TakenDelivery[][]> {
    const rows = await this.#pool.query<DeliveryRow & { webhook_id: string; [column: string]: unknown }>(
      'webhook.take',
      TAKE,
      [takes.map(({ id }) => id), takes.map(({ limit }) => limit)],
      { prepared: true },
    );
    const taken = new Map<string, TakenDelivery[]>(takes.map(({ id }) => [id, []]));
    for (const row of rows)
      taken
        .get(row.webhook_id)!
        .push({ ...toDelivery(row), sequence: Number(row.sequence), since: row.since });
    return takes.map(({ id }) => taken.get(id)!);
  }

  /** Deletes what has arrived; losing that to a power cut makes a repeat, which is allowed. */
  async #delete(ids: string[]): Promise<undefined[]> {
    await this.#pool.query(
      'webhook.delivered',
      `delete from public.gateway_webhook_delivery
       using (select set_config('synchronous_commit', 'off', true)) as relaxed where id = any($1::uuid[])`,
      [ids],
      { prepared: true },
    );
    return ids.map(() => undefined);
  }
}

/** The claim of an event, beside those of the messages that are asked about. */
function claimOf(type: WebhookEventType, key: string): string {
  return `${type} ${key}`;
}

/** What can change of a webhook, in the order of the columns. */
function changeable({ url, events, format, secret, verifyToken, verifiedAt }: StoredWebhook): unknown[] {
  return [url, events, format, secret, verifyToken, verifiedAt];
}

function toWebhook(row: WebhookRow): StoredWebhook {
  const { user_id, agent_id, verify_token: verifyToken, verified_at, created_at, ...webhook } = row;
  const { id, url, events, format, secret } = webhook;
  const agent = { userId: Number(user_id), agentId: agent_id };
  return {
    ...agent,
    id,
    url,
    events,
    format,
    secret,
    verifyToken,
    verifiedAt: verified_at,
    createdAt: created_at,
  };
}

function toDelivery(row: DeliveryRow): Delivery {
  const { id, agent_id: agentId, type, at, data, status, attempts, error, position } = row;
  const sequence = row.sequence === null ? null : Number(row.sequence);
  return { id, agentId, type, at, sequence, data, status, attempts, error, position };
}
