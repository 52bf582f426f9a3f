import { z } from 'zod';
import type { AgentRef } from '../../../actors/domain/identity.ts';
import type { SettingsStore } from '../../../actors/domain/ports/stores.ts';
import { type AgentSettings, AI_MEDIA, INBOUND_TYPES } from '../../../actors/domain/settings.ts';
import type { DatabasePool } from '../pool.ts';

/** A setting that a later version has stored is none of ours. */
const stored = z.object({
  inboundTypes: z.array(z.enum(INBOUND_TYPES)).nullable().default(null),
  aiMedia: z.enum(AI_MEDIA).nullable().default(null),
  debounceMs: z.number().nullable().default(null),
  debounceMaxMs: z.number().nullable().default(null),
  handoverMinutes: z.number().nullable().default(null),
  ignore: z.array(z.string()).nullable().default(null),
  replyDelay: z.object({ perCharacterMs: z.number(), maxMs: z.number() }).nullable().default(null),
});

/** The settings of agents in `gateway_agent_settings`; an agent without a row has the defaults. */
export class PgSettingsStore implements SettingsStore {
  readonly #pool: DatabasePool;

  constructor(pool: DatabasePool) {
    this.#pool = pool;
  }

  async load({ userId, agentId }: AgentRef): Promise<AgentSettings> {
    const rows = await this.#pool.query<{ settings: unknown }>(
      'settings.load',
      'select settings from public.gateway_agent_settings where user_id = $1 and agent_id = $2',
      [userId, agentId],
    );
    return stored.parse(rows[0]?.settings ?? {});
  }

  async save({ userId, agentId }: AgentRef, settings: AgentSettings): Promise<void> {
    await this.#pool.query(
      'settings.save',
      `insert into public.gateway_agent_settings (user_id, agent_id, settings)
       select $1::bigint, $2::text, $3::json
       where exists (select from public.whatsapp_user where user_id = $1 and agent_id = $2)
       on conflict (agent_id, user_id) do update set settings = excluded.settings`,
      [userId, agentId, JSON.stringify(settings)],
    );
  }
}
