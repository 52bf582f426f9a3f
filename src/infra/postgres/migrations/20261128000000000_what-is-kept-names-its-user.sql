-- What is kept of an agent is its user's: another user's agent of that name has nothing of it. What is there belongs
-- to the row that has been served so far; what has no row belongs to nobody.

set local statement_timeout = 0;

create temporary table served on commit drop as
  select distinct on (agent_id) agent_id, user_id::bigint as user_id from public.whatsapp_user
  order by agent_id, updated_at desc nulls last;

alter table public.gateway_message add column user_id bigint;
delete from public.gateway_message where agent_id not in (select agent_id from served);
update public.gateway_message as kept set user_id = served.user_id
  from served where served.agent_id = kept.agent_id;
alter table public.gateway_message alter column user_id set not null;

alter table public.gateway_inbound add column user_id bigint;
delete from public.gateway_inbound where agent_id not in (select agent_id from served);
update public.gateway_inbound as kept set user_id = served.user_id
  from served where served.agent_id = kept.agent_id;
alter table public.gateway_inbound drop constraint gateway_inbound_pkey;
alter table public.gateway_inbound add primary key (agent_id, user_id, wa_message_id);

alter table public.gateway_idempotency add column user_id bigint;
delete from public.gateway_idempotency where agent_id not in (select agent_id from served);
update public.gateway_idempotency as kept set user_id = served.user_id
  from served where served.agent_id = kept.agent_id;
alter table public.gateway_idempotency drop constraint gateway_idempotency_pkey;
alter table public.gateway_idempotency add primary key (agent_id, user_id, operation, key);
