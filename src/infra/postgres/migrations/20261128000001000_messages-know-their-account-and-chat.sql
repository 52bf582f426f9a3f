-- Which account a message may leave from, and what it is looked for by after a crash: its id at WhatsApp and its chat.

alter table public.gateway_message
  add column account text,
  add column stanza_id text,
  add column chat_id text;
