-- Who answers a chat. There are rows only of chats that the bot does not answer, and of those that it answers again
-- and whose AI is yet to be given what passed meanwhile.

create table public.gateway_chat (
  user_id bigint not null,
  agent_id text not null,
  -- The number where it is known, else the LID; a group.
  chat_id text not null,
  lid text,
  mode text not null,
  since timestamptz not null,
  until timestamptz,
  primary key (agent_id, user_id, chat_id)
);

-- What passed in such a chat: deleted once the AI has been given it.
create table public.gateway_chat_message (
  id bigint generated always as identity primary key,
  user_id bigint not null,
  agent_id text not null,
  chat_id text not null,
  message_key text not null,
  entry json not null,
  -- By WhatsApp's clock, in whole seconds; and by the host's, for the order within one.
  at timestamptz not null,
  arrived_at timestamptz not null
);
create unique index gateway_chat_message_of_chat
  on public.gateway_chat_message (agent_id, user_id, chat_id, message_key);
create index gateway_chat_message_age on public.gateway_chat_message (arrived_at);

create table public.gateway_agent_settings (
  user_id bigint not null,
  agent_id text not null,
  settings json not null,
  primary key (agent_id, user_id)
);

-- Whether a message that WhatsApp shows as the account's own was sent by this service.
create index gateway_message_stanza on public.gateway_message (stanza_id);
