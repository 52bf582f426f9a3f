import { z } from 'zod';
import { CHAT_MODES, HISTORY_LENGTH, type HistoryEntry } from '../../../actors/domain/chats.ts';
import type { AgentRef, Jid } from '../../../actors/domain/identity.ts';
import type { ChatStore, RecordedMessage, StoredChat } from '../../../actors/domain/ports/stores.ts';
import type { DatabasePool } from '../pool.ts';

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

/** The chats that the bot does not answer, in `gateway_chat`, and what passes there, in `gateway_chat_message`. */
export class PgChatStore implements ChatStore {
  readonly #pool: DatabasePool;

  constructor(pool: DatabasePool) {
    this.#pool = pool;
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

  async save({ userId, agentId }: AgentRef, chat: StoredChat): Promise<void> {
    await this.#pool.query(
      'chat.save',
      `insert into public.gateway_chat (user_id, agent_id, chat_id, lid, mode, since, until, replies_until)
       select $1::bigint, $2::text, $3::text, $4::text, $5::text, $6::timestamptz, $7::timestamptz, $8::timestamptz
       where exists (select from public.whatsapp_user where user_id = $1 and agent_id = $2)
       on conflict (agent_id, user_id, chat_id) do update
         set lid = excluded.lid, mode = excluded.mode, since = excluded.since, until = excluded.until,
           replies_until = excluded.replies_until`,
      [userId, agentId, chat.chatId, chat.lid, chat.mode, chat.since, chat.until, chat.repliesUntil],
    );
  }

  async remove({ userId, agentId }: AgentRef, chatId: Jid): Promise<void> {
    await this.#pool.query(
      'chat.remove',
      'delete from public.gateway_chat where user_id = $1 and agent_id = $2 and chat_id = $3',
      [userId, agentId, chatId],
    );
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
}
