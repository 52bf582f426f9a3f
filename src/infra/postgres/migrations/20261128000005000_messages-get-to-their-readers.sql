-- How far a sent message got: to the phone, to its reader and, a voice message, to the reader's ear.

alter table public.gateway_message
  add column delivered_at timestamptz,
  add column read_at timestamptz,
  add column played_at timestamptz,
  drop constraint gateway_message_status_check,
  add constraint gateway_message_status_check
    check (status in ('queued', 'sending', 'sent', 'delivered', 'read', 'failed', 'unknown'));

-- What retention deletes.
drop index public.gateway_message_settled;
create index gateway_message_settled on public.gateway_message (created_at)
  where status not in ('queued', 'sending');
