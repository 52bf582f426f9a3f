-- The owner's tables. In production they are there already; a fresh database gets them in the same shape.

create table if not exists public.whatsapp_user (
  user_id int not null,
  agent_id text not null,
  agent_name text not null,
  api_key text not null,
  endpoint_url_run text,
  status text not null, -- awaiting_qr | connected | disconnected | auth_failed
  last_connected_at timestamptz,
  last_disconnected_at timestamptz,
  created_at timestamptz default now(),
  updated_at timestamptz default now(),
  primary key (user_id, agent_id)
);

create table if not exists public.api_keys (
  user_id int not null,
  api_key text not null,
  is_active boolean not null default true,
  created_at timestamptz not null default now()
);
