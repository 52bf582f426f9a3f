-- A message is claimed by its own id, whichever of its chat's and author's addresses it is reported under: by its
-- stanza id, in a group with the group. And when an agent's account was linked: what is older is not its to answer.

create temporary table claimed on commit drop as
  select user_id, agent_id, max(received_at) as received_at,
    case when split_part(wa_message_id, '_', 3) = '' then wa_message_id
      when split_part(wa_message_id, '_', 2) like '%@g.us'
        then split_part(wa_message_id, '_', 2) || '_' || split_part(wa_message_id, '_', 3)
      else split_part(wa_message_id, '_', 3) end as message_key
  from public.gateway_inbound group by user_id, agent_id, message_key;
delete from public.gateway_inbound;
insert into public.gateway_inbound (user_id, agent_id, wa_message_id, received_at)
  select user_id, agent_id, message_key, received_at from claimed;

create table public.gateway_link (
  agent_id text not null,
  user_id bigint not null,
  linked_at timestamptz not null,
  primary key (agent_id, user_id)
);
