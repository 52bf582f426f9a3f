-- The files that pass through; their bytes are in the store's folder. And the secrets of the service, each generated
-- once.

create table public.gateway_file (
  id uuid primary key,
  user_id bigint not null,
  agent_id text not null,
  mimetype text not null,
  size bigint not null,
  sha256 text not null,
  filename text,
  created_at timestamptz not null,
  expires_at timestamptz not null
);
-- What is deleted with an agent, what expires, and which are the oldest.
create index gateway_file_of_agent on public.gateway_file (agent_id, user_id);
create index gateway_file_expiry on public.gateway_file (expires_at);
create index gateway_file_age on public.gateway_file (created_at, id);

create table public.gateway_secret (
  name text primary key,
  value text not null
);
