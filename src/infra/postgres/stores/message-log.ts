import { randomUUID } from 'node:crypto';
import { TEXTS } from '../../../actors/domain/error-texts.ts';
import { GatewayError } from '../../../actors/domain/errors.ts';
import type { AgentRef, Jid } from '../../../actors/domain/identity.ts';
import type {
  Acceptance,
  MessageError,
  MessageLog,
  MessageOutcome,
  OutgoingMessage,
  Receipt,
  StoredMessage,
} from '../../../actors/domain/ports/stores.ts';
import type { OnPublished } from '../../../actors/domain/ports/webhooks.ts';
import { DeferredWrites, isUnavailable } from '../deferred-writes.ts';
import { GroupCommit } from '../group-commit.ts';
import type { DatabasePool } from '../pool.ts';
import {
  type AgentReceipt,
  answerValues,
  INSERT_MESSAGES,
  insertValues,
  type MessageRow,
  type MessageUpdate,
  mergeUpdates,
  type NewMessage,
  onePerMessage,
  RECEIVE,
  receiptValues,
  SETTLE_SENT,
  toStoredMessage,
  toUpdate,
  UPDATE_MESSAGES,
  updateValues,
} from './message-rows.ts';
import { agentsOf } from './published-events.ts';

const PURGE_BATCH = 5_000;
const SENT_LINGERS_MS = 10;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The agent of a message that a statement has changed. */
type UpdatedRow = Pick<MessageRow, 'user_id' | 'agent_id'>;

/**
 * The messages of all agents in `gateway_message`. New ones and changes each travel in their own single-writer
 * group commit; a message's changes can't overtake its insert, since its id is returned only afterwards.
 *
 * During an outage callers are refused, and two writes are deferred: the outcome of a message, and the failure of a
 * refused one, in case its insert has succeeded after all.
 */
export class PgMessageLog implements MessageLog {
  readonly #pool: DatabasePool;
  readonly #processId: string;
  readonly #onPublished: OnPublished;
  readonly #inserts = new GroupCommit((news: NewMessage[]) => this.#insert(news));
  readonly #updates = new GroupCommit((updates: MessageUpdate[]) => this.#update(updates));
  /** No caller waits for these, and losing one in a crash does no harm (`SETTLE_SENT`). */
  readonly #sent = new GroupCommit((updates: MessageUpdate[]) => this.#settleSent(updates), {
    lingerMs: SENT_LINGERS_MS,
  });
  /** One statement at a time, as `#sent`. */
  readonly #receipts = new GroupCommit((receipts: AgentReceipt[]) => this.#receive(receipts), {
    lingerMs: SENT_LINGERS_MS,
  });
  readonly #queues = new GroupCommit((agents: AgentRef[]) => this.#readQueues(agents));
  /** One statement at a time reads for all callers, so that they take one connection. */
  readonly #reads = new GroupCommit((ids: string[]) => this.#readMessages(ids));
  /** The same for stanza ids. */
  readonly #stanzas = new GroupCommit((stanzaIds: string[]) => this.#readStanzas(stanzaIds));
  readonly #deferred = new DeferredWrites((update: MessageUpdate) => this.#updates.add(update));

  /** `processId` is that of the inbound log, whose claims are settled with the answers. */
  constructor(pool: DatabasePool, processId: string, onPublished: OnPublished = () => {}) {
    this.#pool = pool;
    this.#processId = processId;
    this.#onPublished = onPublished;
  }

  async append(
    { userId, agentId }: AgentRef,
    message: OutgoingMessage,
    acceptance: Acceptance = {},
  ): Promise<StoredMessage> {
    const {
      at: createdAt = new Date(),
      status = 'queued',
      stanzaId = null,
      handedOverAt = null,
      answers,
    } = acceptance;
    const id = message.id ?? randomUUID();
    const stored = { id, userId, agentId, createdAt, status, stanzaId, handedOverAt };
    try {
      const seq = await this.#inserts.add({ ...stored, message, answers });
      if (seq === null) throw new GatewayError('INTERNAL', TEXTS.INTERNAL.claimTaken);
      const account = message.account ?? null;
      return {
        ...message,
        ...stored,
        seq,
        account,
        messageId: null,
        error: null,
        chatId: null,
        sentAt: null,
      };
    } catch (error) {
      const refusal = {
        code: 'DATABASE_UNAVAILABLE',
        message: 'The sender got an error: the message was not accepted.',
      };
      if (isUnavailable(error)) this.#defer({ id, status: 'failed', error: refusal });
      throw error;
    }
  }

  async markSending(id: string, handover: { chatId: Jid; handedOverAt: Date | null }): Promise<void> {
    await this.#updates.add({ id, status: 'sending', ...handover });
  }

  async settle(id: string, outcome: MessageOutcome): Promise<void> {
    const update = toUpdate(id, outcome);
    try {
      await (update.status === 'sent' ? this.#sent : this.#updates).add(update);
    } catch (error) {
      if (isUnavailable(error)) this.#defer(update);
      throw error;
    }
  }

  receive({ userId, agentId }: AgentRef, receipt: Receipt): Promise<StoredMessage | null> {
    return this.#receipts.add({ userId, agentId, ...receipt });
  }

  async find({ userId, agentId }: AgentRef, id: string): Promise<StoredMessage | null> {
    if (!UUID.test(id)) return null;
    const message = await this.#reads.add(id.toLowerCase());
    return message?.userId === userId && message.agentId === agentId ? message : null;
  }

  async claimed({ userId, agentId }: AgentRef, messageIds: string[]): Promise<string[]> {
    const rows = await this.#pool.query<{ message_id: string }>(
      'message.claimed',
      'select message_id from public.gateway_message where user_id = $1 and agent_id = $2 and message_id = any($3)',
      [userId, agentId, messageIds],
    );
    return rows.map((row) => row.message_id);
  }

  isOurs(stanzaId: string): Promise<boolean> {
    return this.#stanzas.add(stanzaId);
  }

  /** Our id of the message that an agent has sent with this stanza id; null when there is none. */
  async idOfStanza({ userId, agentId }: AgentRef, stanzaId: string): Promise<string | null> {
    const rows = await this.#pool.query<{ id: string }>(
      'message.id_of_stanza',
      'select id from public.gateway_message where stanza_id = $1 and user_id = $2 and agent_id = $3',
      [stanzaId, userId, agentId],
    );
    return rows[0]?.id ?? null;
  }

  async pending(agent: AgentRef): Promise<StoredMessage[]> {
    return this.#queues.add(agent);
  }

  async failPending({ userId, agentId }: AgentRef, error: MessageError): Promise<void> {
    // Messages accepted before the delete must be in the table to be failed.
    await this.#inserts.flushed();
    await this.#pool.query(
      'message.fail_pending',
      `update public.gateway_message set status = 'failed', error = $3
       where user_id = $1 and agent_id = $2 and status in ('queued', 'sending')`,
      [userId, agentId, JSON.stringify(error)],
    );
    this.#onPublished('message.status', [{ userId, agentId }]);
  }

  /** Deletes finished messages accepted before `olderThan`, in batches; returns their number. */
  async purge(olderThan: Date): Promise<number> {
    for (let purged = 0; ; ) {
      const rows = await this.#pool.query(
        'message.purge',
        `delete from public.gateway_message where id in (
           select id from public.gateway_message
           where status not in ('queued', 'sending') and created_at < $1 limit ${PURGE_BATCH}
         ) returning id`,
        [olderThan],
      );
      purged += rows.length;
      if (rows.length < PURGE_BATCH) return purged;
    }
  }

  /** Waits for running writes, and retries deferred ones once more. */
  async close(): Promise<void> {
    await Promise.all([this.#inserts.flushed(), this.#updates.flushed(), this.#sent.flushed()]);
    await this.#receipts.flushed();
    await this.#deferred.close();
  }

  /** Reads the queues of several agents, in the order given. */
  async #readQueues(agents: AgentRef[]): Promise<StoredMessage[][]> {
    const rows = await this.#pool.query<MessageRow>(
      'message.pending',
      `select * from public.gateway_message
       where agent_id = any($1) and status in ('queued', 'sending') order by seq`,
      [agents.map(({ agentId }) => agentId)],
    );
    const messages = rows.map(toStoredMessage);
    return agents.map((agent) =>
      messages.filter(({ userId, agentId }) => userId === agent.userId && agentId === agent.agentId),
    );
  }

  /** Reads messages by their ids; null for missing ones. */
  async #readMessages(ids: string[]): Promise<(StoredMessage | null)[]> {
    // A reported status may not be written yet.
    await Promise.all([this.#updates.flushed(), this.#sent.flushed(), this.#receipts.flushed()]);
    const rows = await this.#pool.query<MessageRow>(
      'message.find',
      'select * from public.gateway_message where id = any($1::uuid[])',
      [ids],
    );
    const messages = new Map(rows.map((row) => [row.id, toStoredMessage(row)]));
    return ids.map((id) => messages.get(id) ?? null);
  }

  /** For each stanza id, whether a message has it. */
  async #readStanzas(stanzaIds: string[]): Promise<boolean[]> {
    const rows = await this.#pool.query<{ stanza_id: string }>(
      'message.of_stanzas',
      'select stanza_id from public.gateway_message where stanza_id = any($1)',
      [stanzaIds],
    );
    const found = new Set(rows.map((row) => row.stanza_id));
    return stanzaIds.map((stanzaId) => found.has(stanzaId));
  }

  /** Inserts new messages; returns their `seq` in the order given, null for answers whose claims were lost. */
  async #insert(news: NewMessage[]): Promise<(number | null)[]> {
    const rows = await this.#pool.query<{ id: string; seq: string }>(
      'message.append',
      INSERT_MESSAGES,
      [...insertValues(news), ...answerValues(news), this.#processId],
      { prepared: true },
    );
    this.#onPublished('message.status', news);
    const seqs = new Map(rows.map((row) => [row.id, Number(row.seq)]));
    return news.map((each) => seqs.get(each.id) ?? null);
  }

  /** Writes changes. */
  async #update(updates: MessageUpdate[]): Promise<undefined[]> {
    const values = updateValues(onePerMessage(updates));
    const rows = await this.#pool.query<UpdatedRow>('message.update', UPDATE_MESSAGES, values, {
      prepared: true,
    });
    this.#onPublished('message.status', agentsOf(rows));
    return updates.map(() => undefined);
  }

  /** Writes that messages were sent. */
  async #settleSent(updates: MessageUpdate[]): Promise<undefined[]> {
    const values = updateValues(onePerMessage(updates));
    const rows = await this.#pool.query<UpdatedRow>('message.settle_sent', SETTLE_SENT, values, {
      prepared: true,
    });
    this.#onPublished('message.status', agentsOf(rows));
    return updates.map(() => undefined);
  }

  /** Writes receipts, of several of one message the furthest; returns the messages that moved. */
  async #receive(receipts: AgentReceipt[]): Promise<(StoredMessage | null)[]> {
    // A message has its id once its outcome is written.
    await Promise.all([this.#updates.flushed(), this.#sent.flushed()]);
    const keyOf = ({ userId, agentId, messageId }: AgentReceipt) => `${userId} ${agentId} ${messageId}`;
    const furthest = new Map<string, AgentReceipt>();
    for (const receipt of receipts)
      if ((furthest.get(keyOf(receipt))?.ack ?? 0) < receipt.ack) furthest.set(keyOf(receipt), receipt);
    const rows = await this.#pool.query<MessageRow>(
      'message.receive',
      RECEIVE,
      receiptValues([...furthest.values()]),
      { prepared: true },
    );
    this.#onPublished('message.status', agentsOf(rows));
    const moved = new Map(
      rows.map((row) => [`${row.user_id} ${row.agent_id} ${row.message_id}`, toStoredMessage(row)]),
    );
    return receipts.map((receipt) =>
      furthest.get(keyOf(receipt)) === receipt ? (moved.get(keyOf(receipt)) ?? null) : null,
    );
  }

  /** Defers a change; a newer one of the same message is merged into it. */
  #defer(update: MessageUpdate): void {
    const earlier = this.#deferred.get(update.id);
    this.#deferred.add(update.id, earlier ? mergeUpdates(earlier, update) : update);
  }
}
