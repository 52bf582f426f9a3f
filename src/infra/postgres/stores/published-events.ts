import type { AgentRef } from '../../../actors/domain/identity.ts';

/**
 * The insertion of events for each webhook that wants them, as SQL: `relation` has the columns `user_id`, `agent_id`,
 * `type`, `at`, `data` and `place`, the order of the events. It is part of the statement that writes what they report.
 * The age of one that is recorded late, after a stop of days, counts from then on.
 */
export const insertEvents = (relation: string) => `
  insert into public.gateway_webhook_delivery (webhook_id, user_id, agent_id, type, at, since, data)
  select webhook.id, event.user_id, event.agent_id, event.type, event.at, greatest(event.at, now()), event.data
  from ${relation} as event join public.gateway_webhook as webhook
    on webhook.agent_id = event.agent_id and webhook.user_id = event.user_id
  where webhook.verified_at is not null and webhook.events && array['*', event.type]
  order by event.place`;

/** The agents of rows, as a statement returns them. */
export function agentsOf(rows: { user_id: string; agent_id: string }[]): AgentRef[] {
  return rows.map((row) => ({ userId: Number(row.user_id), agentId: row.agent_id }));
}
