-- Webhooks, and the outbox of what they are to be given. An event is written in the transaction of what it reports.

create table public.gateway_webhook (
  id uuid primary key,
  user_id bigint not null,
  agent_id text not null,
  url text not null,
  -- Names of events, or '*'.
  events text[] not null,
  format text not null,
  -- Sealed, as is the token of a handshake.
  secret text not null,
  verify_token text,
  -- Nothing is recorded for it before.
  verified_at timestamptz,
  last_sequence bigint not null default 0,
  created_at timestamptz not null
);
create index gateway_webhook_of_agent on public.gateway_webhook (agent_id, user_id);

-- A delivered event is deleted. `sequence` is given when it is first taken for delivery.
create table public.gateway_webhook_delivery (
  id uuid primary key default gen_random_uuid(),
  position bigint generated always as identity,
  webhook_id uuid not null,
  user_id bigint not null,
  agent_id text not null,
  type text not null,
  at timestamptz not null,
  data json not null,
  status text not null default 'waiting' check (status in ('waiting', 'dead')),
  sequence bigint,
  attempts int not null default 0,
  error text,
  -- From when on its age counts: `at`, or the last manual retry.
  since timestamptz not null,
  dead_at timestamptz
);
create index gateway_webhook_delivery_waiting on public.gateway_webhook_delivery (webhook_id, sequence, position)
  where status = 'waiting';
create index gateway_webhook_delivery_dead on public.gateway_webhook_delivery (webhook_id, position)
  where status = 'dead';
create index gateway_webhook_delivery_of_agent on public.gateway_webhook_delivery (agent_id, user_id);

-- A time as JSON has it everywhere else.
create function public.gateway_iso(moment timestamptz) returns text language sql immutable as $$
  select to_char(moment at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;

-- Records the statuses of these messages for the webhooks that want them.
create function public.gateway_publish_statuses(ids uuid[]) returns void language sql as $$
  insert into public.gateway_webhook_delivery (webhook_id, user_id, agent_id, type, at, since, data)
    select webhook.id, message.user_id, message.agent_id, 'message.status', happened.at, happened.at,
      json_strip_nulls(json_build_object(
        'id', message.id,
        'messageId', message.message_id,
        'to', message.to_jid,
        'kind', message.content ->> 'kind',
        'origin', message.origin,
        'status', message.status,
        'error', case when message.error is not null then json_build_object(
          'code', message.error ->> 'code', 'message', message.error ->> 'message') end,
        'callbackData', message.callback_data,
        'createdAt', public.gateway_iso(message.created_at),
        'sentAt', public.gateway_iso(message.sent_at),
        'deliveredAt', public.gateway_iso(message.delivered_at),
        'readAt', public.gateway_iso(message.read_at)))
    from public.gateway_message as message
    join public.gateway_webhook as webhook
      on webhook.agent_id = message.agent_id and webhook.user_id = message.user_id
      and webhook.verified_at is not null and webhook.events && array['*', 'message.status']
    cross join lateral (select coalesce(case message.status when 'queued' then message.created_at
      when 'sent' then message.sent_at when 'delivered' then message.delivered_at
      when 'read' then message.read_at end, now()) as at) as happened
    where message.id = any (ids) order by message.seq
$$;

-- Each status that a message comes to is an event, whichever statement writes it. Of agents without webhooks only the
-- ids are looked at.
create function public.gateway_message_status() returns trigger language plpgsql as $$
declare
  ids uuid[];
begin
  if not exists (select from public.gateway_webhook) then
    return null;
  end if;
  if tg_op = 'INSERT' then
    ids := array(select id from changed where exists (
      select from public.gateway_webhook as webhook
      where webhook.agent_id = changed.agent_id and webhook.user_id = changed.user_id));
  else
    ids := array(select changed.id from changed join former on former.id = changed.id
      where former.status <> changed.status and exists (
        select from public.gateway_webhook as webhook
        where webhook.agent_id = changed.agent_id and webhook.user_id = changed.user_id));
  end if;
  if cardinality(ids) > 0 then
    perform public.gateway_publish_statuses(ids);
  end if;
  return null;
end $$;

create trigger gateway_message_inserted after insert on public.gateway_message
  referencing new table as changed for each statement execute function public.gateway_message_status();
create trigger gateway_message_updated after update on public.gateway_message
  referencing old table as former new table as changed
  for each statement execute function public.gateway_message_status();
