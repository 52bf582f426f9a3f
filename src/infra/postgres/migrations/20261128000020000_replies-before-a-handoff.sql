-- The AI handed the chat over at this time: its replies that were accepted until then still leave. Null once a person
-- has written, or a caller has set the mode.

alter table public.gateway_chat add column replies_until timestamptz;
