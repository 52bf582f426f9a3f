import { z } from 'zod';
import { CHAT_MODES, HISTORY_LENGTH, type HistoryEntry } from '../../../actors/domain/chats.ts';
import type { AgentRef, Jid } from '../../../actors/domain/identity.ts';
import type {
  ChatModeChange,
  ChatStore,
  RecordedMessage,
  StoredChat,
} from '../../../actors/domain/ports/stores.ts';
import type { OnPublished } from '../../../actors/domain/ports/webhooks.ts';
import type { DatabasePool } from '../pool.ts';
import { insertEvents } from './published-events.ts';

const row = z
  .object({
    chat_id: z.string(),
    lid: z.string().nullable(),
    mode: z.enum(CHAT_MODES),
    since: z.date(),
    until: z.date().nullable(),
    replies_until: z.date().nullable(),
    has_history: z.boolean(),
  })
  .transform(({ chat_id: chatId, has_history: hasHistory, replies_until: repliesUntil, ...chat }) => ({
    chatId,
    hasHistory,
    repliesUntil,
    ...chat,
  }));

/** The insertion of changes of modes, whose times and data are the parameters $4 and $5. */
const INSERT_CHANGES = insertEvents(`(
  select $1::bigint as user_id, $2::text as agent_id, 'chat.mode' as type, at, data, place
  from unnest($4::timestamptz[], $5::json[]) with ordinality as change (at, data, place))`);

/** The chats that the bot does not answer, in `gateway_chat`, and what passes there, in `gateway_chat_message`. */
export class PgChatStore implements ChatStore {
  readonly #pool: DatabasePool;
  readonly #onPublished: OnPublished;

  constructor(pool: DatabasePool, onPublished: OnPublished = () => {}) {
    this.#pool = pool;
    this.#onPublished = onPublished;
  }

  async load({ userId, agentId }: AgentRef): Promise<(StoredChat & { hasHistory: boolean })[]> {
    const rows = await this.#pool.query(
      'chat.load',
      `select chat_id, lid, mode, since, until, replies_until, exists (
         select from public.gateway_chat_message as message where message.agent_id = chat.agent_id
           and message.user_id = chat.user_id and message.chat_id = chat.chat_id) as has_history
       from public.gateway_chat as chat where user_id = $1 and agent_id = $2`,
      [userId, agentId],
    );
    return rows.map((raw) => row.parse(raw));
  }

  async save({ userId, agentId }: AgentRef, chat: StoredChat, changes: ChatModeChange[] = []): Promise<void> {
    const { chatId, lid, mode, since, until, repliesUntil } = chat;
    await this.#pool.query(
      'chat.save',
      `with saved as (
         insert into public.gateway_chat (user_id, agent_id, chat_id, lid, mode, since, until, replies_until)
         select $1::bigint, $2::text, $3::text, $6::text, $7::text, $8::timestamptz, $9::timestamptz, $10::timestamptz
         where exists (select from public.whatsapp_user where user_id = $1 and agent_id = $2)
         on conflict (agent_id, user_id, chat_id) do update
           set lid = excluded.lid, mode = excluded.mode, since = excluded.since, until = excluded.until,
             replies_until = excluded.replies_until)
       ${INSERT_CHANGES}`,
      [userId, agentId, chatId, ...changeValues(changes), lid, mode, since, until, repliesUntil],
    );
    this.#published({ userId, agentId }, changes);
  }

  async remove({ userId, agentId }: AgentRef, chatId: Jid, changes: ChatModeChange[] = []): Promise<void> {
    await this.#pool.query(
      'chat.remove',
      `with removed as (
         delete from public.gateway_chat where user_id = $1 and agent_id = $2 and chat_id = $3)
       ${INSERT_CHANGES}`,
      [userId, agentId, chatId, ...changeValues(changes)],
    );
    this.#published({ userId, agentId }, changes);
  }

  async merge({ userId, agentId }: AgentRef, from: Jid, into: Jid): Promise<void> {
    await this.#pool.query(
      'chat.merge',
      `with moved as (
         update public.gateway_chat_message set chat_id = $4
         where user_id = $1 and agent_id = $2 and chat_id = $3 and message_key <> all (array(
           select message_key from public.gateway_chat_message
           where user_id = $1 and agent_id = $2 and chat_id = $4)))
       delete from public.gateway_chat where user_id = $1 and agent_id = $2 and chat_id = $3`,
      [userId, agentId, from, into],
    );
  }

  async record({ userId, agentId }: AgentRef, chatId: Jid, message: RecordedMessage): Promise<void> {
    const { key, at, arrivedAt, ...entry } = message;
    await this.#pool.query(
      'chat.record',
      `with dropped as (
         delete from public.gateway_chat_message where id = any (array(
           select id from public.gateway_chat_message
           where user_id = $1 and agent_id = $2 and chat_id = $3
           order by at desc, arrived_at desc, id desc offset ${HISTORY_LENGTH - 1})))
       insert into public.gateway_chat_message (user_id, agent_id, chat_id, message_key, entry, at, arrived_at)
       select $1::bigint, $2::text, $3::text, $4::text, $5::json, $6::timestamptz, $7::timestamptz
       where exists (select from public.whatsapp_user where user_id = $1 and agent_id = $2)
       on conflict do nothing`,
      [userId, agentId, chatId, key, JSON.stringify(entry), at, arrivedAt],
    );
  }

  async history(
    { userId, agentId }: AgentRef,
    chatId: Jid,
  ): Promise<{ entries: HistoryEntry[]; lastId: string }> {
    const rows = await this.#pool.query<{ id: string; entry: Omit<HistoryEntry, 'at'>; at: Date }>(
      'chat.history',
      `select id, entry, at from public.gateway_chat_message
       where user_id = $1 and agent_id = $2 and chat_id = $3
       order by at desc, arrived_at desc, id desc limit ${HISTORY_LENGTH}`,
      [userId, agentId, chatId],
    );
    const entries = rows.map(({ entry, at }) => ({ ...entry, at })).reverse();
    const lastId = rows.reduce((last, { id }) => (BigInt(id) > last ? BigInt(id) : last), 0n);
    return { entries, lastId: String(lastId) };
  }

  async forget({ userId, agentId }: AgentRef, chatId: Jid, lastId: string): Promise<void> {
    await this.#pool.query(
      'chat.forget',
      `delete from public.gateway_chat_message
       where user_id = $1 and agent_id = $2 and chat_id = $3 and id <= $4`,
      [userId, agentId, chatId, lastId],
    );
  }

  /** Deletes what passed before `olderThan`, and the chats whose mode ended before it. */
  async purge(olderThan: Date): Promise<void> {
    await this.#pool.query(
      'chat.purge_messages',
      'delete from public.gateway_chat_message where arrived_at < $1',
      [olderThan],
    );
    await this.#pool.query(
      'chat.purge',
      `delete from public.gateway_chat where until < $1 or (mode = 'bot' and since < $1)`,
      [olderThan],
    );
  }

  /** Reports the changes that were written with a row. */
  #published(agent: AgentRef, changes: ChatModeChange[]): void {
    if (changes.length > 0) this.#onPublished('chat.mode', [agent]);
  }
}

/** The parameters of `INSERT_CHANGES`. */
function changeValues(changes: ChatModeChange[]): unknown[] {
  return [changes.map(({ at }) => at), changes.map(({ at: _at, ...data }) => JSON.stringify(data))];
}
