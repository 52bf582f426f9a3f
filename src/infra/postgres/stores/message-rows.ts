import type { AgentRef } from '../../../actors/domain/identity.ts';
import { fileOf, type MessageContent } from '../../../actors/domain/message-content.ts';
import type {
  MessageOutcome,
  MessageStatus,
  OutgoingMessage,
  Receipt,
  StoredMessage,
} from '../../../actors/domain/ports/stores.ts';

/** A row of `gateway_message`, as pg reads it; only this service writes the table. */
export interface MessageRow {
  id: string;
  user_id: string;
  agent_id: string;
  seq: string;
  to_jid: string;
  content: MessageContent;
  quote_id: string | null;
  callback_data: string | null;
  origin: OutgoingMessage['origin'];
  trace_id: string;
  status: MessageStatus;
  message_id: string | null;
  error: StoredMessage['error'];
  account: string | null;
  stanza_id: string | null;
  chat_id: string | null;
  created_at: Date;
  handed_over_at: Date | null;
  sent_at: Date | null;
  delivered_at: Date | null;
  read_at: Date | null;
  played_at: Date | null;
}

/** A row as the actors know it. */
export function toStoredMessage(row: MessageRow): StoredMessage {
  return {
    id: row.id,
    userId: Number(row.user_id),
    agentId: row.agent_id,
    seq: Number(row.seq),
    to: row.to_jid,
    content: row.content,
    ...(row.quote_id !== null && { quoteId: row.quote_id }),
    ...(row.callback_data !== null && { callbackData: row.callback_data }),
    origin: row.origin,
    traceId: row.trace_id,
    status: row.status,
    messageId: row.message_id,
    error: row.error,
    account: row.account,
    stanzaId: row.stanza_id,
    chatId: row.chat_id,
    createdAt: row.created_at,
    handedOverAt: row.handed_over_at,
    sentAt: row.sent_at,
    ...(row.delivered_at && { deliveredAt: row.delivered_at }),
    ...(row.read_at && { readAt: row.read_at }),
    ...(row.played_at && { playedAt: row.played_at }),
  };
}

/** A message to be stored, with its id. */
export interface NewMessage extends AgentRef {
  id: string;
  createdAt: Date;
  status: 'queued' | 'sending';
  stanzaId: string | null;
  handedOverAt: Date | null;
  message: OutgoingMessage;
  answers: readonly string[] | undefined;
}

const COLUMNS = `id, agent_id, created_at, to_jid, content, file_id, quote_id, origin, trace_id, status, user_id, account,
  stanza_id, handed_over_at, callback_data`;
const NEW_MESSAGES = `$1::uuid[], $2::text[], $3::timestamptz[], $4::text[], $5::json[], $6::uuid[], $7::text[], $8::text[],
  $9::text[], $10::text[], $11::bigint[], $12::text[], $13::text[], $14::timestamptz[], $15::text[]`;

/**
 * The order of the rows is the order of acceptance: `seq` is drawn after the sort. With the rows of an answer the claims
 * of the messages that it answers become final; where another process has taken one of these over, none of the rows is
 * inserted.
 */
export const INSERT_MESSAGES = `
  with settled as (
    update public.gateway_inbound as claim set is_open = false
    from unnest($16::bigint[], $17::text[], $18::text[], $19::int[])
      as asked (user_id, agent_id, message_id, answer)
    where claim.agent_id = asked.agent_id and claim.user_id = asked.user_id
      and claim.wa_message_id = asked.message_id and claim.claimed_by = $22
    returning asked.answer),
  held as (select answer, count(*) as claims from settled group by answer)
  insert into public.gateway_message
    (${COLUMNS})
  select ${COLUMNS}
  from unnest(${NEW_MESSAGES}, $20::int[], $21::int[]) with ordinality
    as new (${COLUMNS}, answer, claims, place)
    left join held using (answer)
  where new.answer is null or held.claims = new.claims
  order by place
  returning id, seq`;

/** The further parameters of `INSERT_MESSAGES`: the claims of each answer, then of which answer each row is. */
export function answerValues(news: NewMessage[]): unknown[] {
  const answerOf = new Map<readonly string[], number>();
  const asked: (AgentRef & { key: string; answer: number })[] = [];
  for (const { answers, userId, agentId } of news) {
    if (!answers || answerOf.has(answers)) continue;
    const answer = answerOf.size;
    answerOf.set(answers, answer);
    asked.push(...answers.map((key) => ({ userId, agentId, key, answer })));
  }
  return [
    asked.map(({ userId }) => userId),
    asked.map(({ agentId }) => agentId),
    asked.map(({ key }) => key),
    asked.map(({ answer }) => answer),
    news.map(({ answers }) => (answers ? answerOf.get(answers) : null)),
    news.map(({ answers }) => answers?.length ?? null),
  ];
}

/** The first parameters of `INSERT_MESSAGES`: one array a column. */
export function insertValues(news: NewMessage[]): unknown[] {
  return [
    news.map((each) => each.id),
    news.map((each) => each.agentId),
    news.map((each) => each.createdAt),
    news.map(({ message }) => message.to),
    news.map(({ message }) => JSON.stringify(message.content)),
    news.map(({ message }) => fileOf(message.content)?.id ?? null),
    news.map(({ message }) => message.quoteId ?? null),
    news.map(({ message }) => message.origin),
    news.map(({ message }) => message.traceId),
    news.map(({ status }) => status),
    news.map(({ userId }) => userId),
    news.map(({ message }) => message.account ?? null),
    news.map(({ stanzaId }) => stanzaId),
    news.map(({ handedOverAt }) => handedOverAt),
    news.map(({ message }) => message.callbackData ?? null),
  ];
}

/** A change of a message; undefined fields stay as they are. */
export interface MessageUpdate {
  id: string;
  status: MessageStatus;
  messageId?: string | null;
  error?: StoredMessage['error'];
  chatId?: string;
  handedOverAt?: Date | null;
  sentAt?: Date;
}

/** The update of messages, with further relations in its `from`. */
const updateFrom = (relations: string) => `
  update public.gateway_message as stored set
    status = change.status,
    message_id = coalesce(change.message_id, stored.message_id),
    error = change.error,
    chat_id = coalesce(change.chat_id, stored.chat_id),
    handed_over_at = coalesce(stored.handed_over_at, change.handed_over_at),
    sent_at = coalesce(change.sent_at, stored.sent_at)
  from ${relations}unnest($1::uuid[], $2::text[], $3::text[], $4::json[], $5::timestamptz[], $6::timestamptz[],
    $7::text[]) as change (id, status, message_id, error, handed_over_at, sent_at, chat_id)
  where stored.id = change.id
    and stored.status not in ('sent', 'delivered', 'read')
    and (change.status <> 'sending' or stored.status = 'queued')
  returning stored.user_id, stored.agent_id`;

// A message goes forward only: `sending` from `queued` alone, and what was sent stays sent.
export const UPDATE_MESSAGES = updateFrom('');

/**
 * The same without waiting for the disk, for messages that were sent: if a power cut loses the change, the row says
 * `sending`, and the message is found in its chat.
 */
export const SETTLE_SENT = updateFrom(`(select set_config('synchronous_commit', 'off', true)) as relaxed, `);

/** A receipt, and whose message it may be of. */
export interface AgentReceipt extends AgentRef, Receipt {}

/**
 * Moves messages forward by their receipts, of which there is one a message. A receipt implies those before it: what
 * was read was delivered, whether or not that was reported. Losing one to a power cut does no harm: nothing waits for it.
 */
export const RECEIVE = `
  update public.gateway_message as stored set
    status = case when receipt.ack >= 3 or stored.read_at is not null then 'read'
      when receipt.ack = 2 or stored.delivered_at is not null then 'delivered' else 'sent' end,
    error = null,
    sent_at = coalesce(stored.sent_at, receipt.at),
    delivered_at = case when receipt.ack >= 2 then coalesce(stored.delivered_at, receipt.at) else stored.delivered_at end,
    read_at = case when receipt.ack >= 3 then coalesce(stored.read_at, receipt.at) else stored.read_at end,
    played_at = case when receipt.ack >= 4 then coalesce(stored.played_at, receipt.at) else stored.played_at end
  from (select set_config('synchronous_commit', 'off', true)) as relaxed,
    unnest($1::bigint[], $2::text[], $3::text[], $4::int[], $5::timestamptz[])
      as receipt (user_id, agent_id, message_id, ack, at)
  where stored.agent_id = receipt.agent_id and stored.message_id = receipt.message_id
    and stored.user_id = receipt.user_id
    and stored.status in ('sent', 'delivered', 'read', 'unknown')
    and case receipt.ack when 1 then stored.status = 'unknown' when 2 then stored.delivered_at is null
      when 3 then stored.read_at is null else stored.played_at is null end
  returning stored.*`;

/** The parameters of `RECEIVE`. */
export function receiptValues(receipts: AgentReceipt[]): unknown[] {
  return [
    receipts.map((each) => each.userId),
    receipts.map((each) => each.agentId),
    receipts.map((each) => each.messageId),
    receipts.map((each) => each.ack),
    receipts.map((each) => each.at),
  ];
}

/** The parameters of `UPDATE_MESSAGES`. */
export function updateValues(updates: MessageUpdate[]): unknown[] {
  return [
    updates.map((each) => each.id),
    updates.map((each) => each.status),
    updates.map((each) => each.messageId ?? null),
    updates.map((each) => (each.error ? JSON.stringify(each.error) : null)),
    updates.map((each) => each.handedOverAt ?? null),
    updates.map((each) => each.sentAt ?? null),
    updates.map((each) => each.chatId ?? null),
  ];
}

/** An outcome as a change of the row. */
export function toUpdate(id: string, outcome: MessageOutcome): MessageUpdate {
  if (outcome.status !== 'sent') return { id, ...outcome };
  return { id, status: 'sent', messageId: outcome.messageId, sentAt: outcome.at };
}

/** Two changes of one message as one: the later status, and what either knows. */
export function mergeUpdates(earlier: MessageUpdate, later: MessageUpdate): MessageUpdate {
  // A settled message is not taken back by a late `sending`, and `sent` is the end.
  if (earlier.status === 'sent' || (later.status === 'sending' && earlier.status !== 'sending'))
    return earlier;
  return { ...earlier, error: undefined, ...later, messageId: later.messageId ?? earlier.messageId };
}

/** One change a message, in the order of their first: a statement may touch a row only once. */
export function onePerMessage(updates: MessageUpdate[]): MessageUpdate[] {
  const byId = new Map<string, MessageUpdate>();
  for (const update of updates) {
    const earlier = byId.get(update.id);
    byId.set(update.id, earlier ? mergeUpdates(earlier, update) : update);
  }
  return [...byId.values()];
}
