-- The message of a request is stored under an id that its key knows: after a crash the two find each other.

alter table public.gateway_idempotency add column stored_id uuid;
alter table public.gateway_idempotency drop constraint gateway_idempotency_state_check;
alter table public.gateway_idempotency add constraint gateway_idempotency_state_check
  check (state in ('in_flight', 'cut_off', 'done'));
