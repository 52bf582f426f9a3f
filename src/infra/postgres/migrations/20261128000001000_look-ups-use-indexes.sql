-- Every statement that a request can cause finds its rows by an index.

-- What is known of WhatsApp's ids, and what is deleted with an agent.
create index gateway_message_of_agent on public.gateway_message (agent_id, message_id);

-- Another system's table is left alone; a fresh one, made by the first migration, gets the index of its only look-up.
do $$ begin
  if not exists (select from public.api_keys) and exists (
    select from pg_class where oid = 'public.api_keys'::regclass and relkind = 'r'
      and pg_has_role(current_user, relowner, 'usage')
  ) then
    create index if not exists api_keys_user on public.api_keys (user_id);
  end if;
end $$;
