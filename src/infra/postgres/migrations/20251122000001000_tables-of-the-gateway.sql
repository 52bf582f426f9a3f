-- The gateway's own tables. `json`, not `jsonb`: it keeps the text as it came, order of keys included.

create table public.gateway_message (
  id uuid primary key,
  agent_id text not null,
  seq bigserial not null,
  to_jid text not null,
  kind text not null check (kind in ('text', 'image')),
  text text not null,
  quote_id text,
  image json,
  origin text not null check (origin in ('api', 'reply', 'report')),
  trace_id text not null,
  status text not null check (status in ('queued', 'sending', 'sent', 'failed', 'unknown')),
  message_id text,
  error json,
  created_at timestamptz not null,
  handed_over_at timestamptz,
  sent_at timestamptz
);

-- What a restart goes on with.
create index gateway_message_pending on public.gateway_message (agent_id, seq)
  where status in ('queued', 'sending');
-- What retention deletes.
create index gateway_message_settled on public.gateway_message (created_at)
  where status in ('sent', 'failed', 'unknown');

create table public.gateway_inbound (
  agent_id text not null,
  wa_message_id text not null,
  received_at timestamptz not null default now(),
  primary key (agent_id, wa_message_id)
);
create index gateway_inbound_received on public.gateway_inbound (received_at);

create table public.gateway_idempotency (
  agent_id text not null,
  operation text not null,
  key text not null,
  body_hash text not null,
  state text not null check (state in ('in_flight', 'done')),
  status int,
  headers json,
  body json,
  created_at timestamptz not null default now(),
  primary key (agent_id, operation, key)
);
create index gateway_idempotency_created on public.gateway_idempotency (created_at);
