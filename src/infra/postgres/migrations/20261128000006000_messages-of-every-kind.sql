-- A message holds what it says, whatever its kind, and names its file: a queued message's file is never deleted.

alter table public.gateway_message add column content json, add column file_id uuid;
update public.gateway_message set content = case kind
  when 'image' then json_build_object('kind', 'image', 'file', image, 'caption', text)
  else json_build_object('kind', 'text', 'text', text) end;
alter table public.gateway_message
  alter column content set not null,
  drop column kind,
  drop column text,
  drop column image;
create index gateway_message_file on public.gateway_message (file_id)
  where status in ('queued', 'sending') and file_id is not null;

-- A file that was stored for one message is deleted with it. `taken_until`: it is about to be a message's.
alter table public.gateway_file
  add column of_message boolean not null default false,
  add column taken_until timestamptz;
