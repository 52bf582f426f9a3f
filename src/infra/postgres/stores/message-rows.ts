import type { AgentRef } from '../../../actors/domain/identity.ts';
import type {
  MessageKind,
  MessageOutcome,
  MessageStatus,
  OutgoingMessage,
  StoredMessage,
} from '../../../actors/domain/ports/stores.ts';

/** A row of `gateway_message`, as pg reads it; only this service writes the table. */
export interface MessageRow {
  id: string;
  user_id: string;
  agent_id: string;
  seq: string;
  to_jid: string;
  kind: MessageKind;
  text: string;
  quote_id: string | null;
  image: StoredMessage['image'] | null;
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
}

/** A row as the actors know it. */
export function toStoredMessage(row: MessageRow): StoredMessage {
  return {
    id: row.id,
    userId: Number(row.user_id),
    agentId: row.agent_id,
    seq: Number(row.seq),
    to: row.to_jid,
    kind: row.kind,
    text: row.text,
    ...(row.quote_id !== null && { quoteId: row.quote_id }),
    ...(row.image && { image: row.image }),
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
}

// The order of the rows is the order of acceptance: `seq` is drawn after the sort.
export const INSERT_MESSAGES = `
  insert into public.gateway_message
    (id, agent_id, created_at, to_jid, kind, text, quote_id, image, origin, trace_id, status, user_id, account,
      stanza_id, handed_over_at)
  select id, agent_id, created_at, to_jid, kind, text, quote_id, image, origin, trace_id, status, user_id, account,
    stanza_id, handed_over_at
  from unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::text[],
    $8::json[], $9::text[], $10::text[], $11::text[], $12::bigint[], $13::text[], $14::text[], $15::timestamptz[])
    with ordinality as new
    (id, agent_id, created_at, to_jid, kind, text, quote_id, image, origin, trace_id, status, user_id, account,
      stanza_id, handed_over_at, place)
  order by place
  returning id, seq`;

/** The parameters of `INSERT_MESSAGES`: one array a column. */
export function insertValues(news: NewMessage[]): unknown[] {
  return [
    news.map((each) => each.id),
    news.map((each) => each.agentId),
    news.map((each) => each.createdAt),
    news.map(({ message }) => message.to),
    news.map(({ message }) => message.kind),
    news.map(({ message }) => message.text),
    news.map(({ message }) => message.quoteId ?? null),
    news.map(({ message }) => (message.image ? JSON.stringify(message.image) : null)),
    news.map(({ message }) => message.origin),
    news.map(({ message }) => message.traceId),
    news.map(({ status }) => status),
    news.map(({ userId }) => userId),
    news.map(({ message }) => message.account ?? null),
    news.map(({ stanzaId }) => stanzaId),
    news.map(({ handedOverAt }) => handedOverAt),
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
    and stored.status <> 'sent'
    and (change.status <> 'sending' or stored.status = 'queued')`;

// A message goes forward only: `sending` from `queued` alone, and what was sent stays sent.
export const UPDATE_MESSAGES = updateFrom('');

/**
 * The same without waiting for the disk, for messages that were sent: if a power cut loses the change, the row says
 * `sending`, and the message is found in its chat.
 */
export const SETTLE_SENT = updateFrom(`(select set_config('synchronous_commit', 'off', true)) as relaxed, `);

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
