-- A message that the AI is asked about is claimed by the process that asks; its claim is open until the answer is
-- stored. Another process takes an open claim over, once: the one that had it is dead. Claims of before are final.

alter table public.gateway_inbound
  add column is_open boolean not null default false,
  add column claimed_by uuid,
  add column claims smallint not null default 1;
