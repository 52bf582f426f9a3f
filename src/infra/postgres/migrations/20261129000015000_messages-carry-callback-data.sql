-- What a caller stores with its message, to recognise it in reports on it: `biz_opaque_callback_data` of the Cloud API.

alter table public.gateway_message add column callback_data text;
