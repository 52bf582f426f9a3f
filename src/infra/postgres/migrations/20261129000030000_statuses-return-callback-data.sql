-- A status names the caller's own data of its message.

create or replace function public.gateway_publish_statuses(ids uuid[]) returns void language sql as $$
  insert into public.gateway_webhook_delivery (webhook_id, user_id, agent_id, type, at, since, data)
    select webhook.id, message.user_id, message.agent_id, 'message.status', happened.at, happened.at,
      json_strip_nulls(json_build_object(
        'id', message.id,
        'messageId', message.message_id,
        'to', message.to_jid,
        'kind', message.content ->> 'kind',
        'origin', message.origin,
        'status', message.status,
        'error', case when message.error is not null then json_build_object(
          'code', message.error ->> 'code', 'message', message.error ->> 'message') end,
        'callbackData', message.callback_data,
        'createdAt', public.gateway_iso(message.created_at),
        'sentAt', public.gateway_iso(message.sent_at),
        'deliveredAt', public.gateway_iso(message.delivered_at),
        'readAt', public.gateway_iso(message.read_at)))
    from public.gateway_message as message
    join public.gateway_webhook as webhook
      on webhook.agent_id = message.agent_id and webhook.user_id = message.user_id
      and webhook.verified_at is not null and webhook.events && array['*', 'message.status']
    cross join lateral (select coalesce(case message.status when 'queued' then message.created_at
      when 'sent' then message.sent_at when 'delivered' then message.delivered_at
      when 'read' then message.read_at end, now()) as at) as happened
    where message.id = any (ids) order by message.seq
$$;
