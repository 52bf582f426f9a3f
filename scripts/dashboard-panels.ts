// The rows of the dashboard. `$agent` is selected on the dashboard; `$__rate_interval` is Grafana's.

/** One line of a panel: an expression, and the legend with labels in double braces. */
type Query = [expr: string, legend: string];

/** A panel; `dashboard.ts` computes its position. */
export interface PanelSpec {
  title: string;
  kind: 'timeseries' | 'stat' | 'state-timeline';
  /** A unit of Grafana's. */
  unit: 's' | 'bytes' | 'short' | 'cps' | 'reqps' | 'percentunit' | 'bool_yes_no';
  /** Of 24 columns. */
  width: number;
  queries: Query[];
  description?: string;
}

export interface RowSpec {
  title: string;
  panels: PanelSpec[];
}

const AGENT = 'agent_id=~"$agent"';
/** Event streams are excluded: they are requests for as long as a viewer is connected. */
const NO_STREAMS = 'http_route!~".*/events"';

/** Increases per second of a counter, summed over all but the given labels. */
const rate = (metric: string, by: string, selector = '') =>
  `sum by (${by}) (rate(${metric}${selector && `{${selector}}`}[$__rate_interval]))`;

/** A quantile of a histogram, for each value of the given labels. */
const quantile = (q: number, metric: string, by = '', selector = '') =>
  `histogram_quantile(${q}, ${rate(`${metric}_bucket`, by === '' ? 'le' : `le, ${by}`, selector)})`;

/** The median and the 95th percentile of a histogram without labels. */
const medianAndSlow = (metric: string): Query[] => [
  [quantile(0.5, metric), 'half within'],
  [quantile(0.95, metric), '95% within'],
];

const series = (
  title: string,
  unit: PanelSpec['unit'],
  queries: Query[],
  description?: string,
): PanelSpec => ({ title, kind: 'timeseries', unit, width: 8, queries, ...(description && { description }) });

const stat = (title: string, unit: PanelSpec['unit'], expr: string): PanelSpec => ({
  title,
  kind: 'stat',
  unit,
  width: 4,
  queries: [[expr, '']],
});

const FAILED = 'outcome!="sent"';

/** All rows of the dashboard, from overview to detail. */
export const ROWS: RowSpec[] = [
  {
    title: 'At a glance',
    panels: [
      stat('Ready', 'bool_yes_no', 'min(wa_ready)'),
      stat('Agents connected', 'short', 'sum(wa_sessions{state="connected"})'),
      stat('Agents not connected', 'short', 'sum(wa_sessions{state!="connected"})'),
      stat('Messages waiting', 'short', 'sum(wa_mailbox_messages)'),
      stat('Sent in the last hour', 'short', 'sum(increase(wa_messages_sent_total{outcome="sent"}[1h]))'),
      stat('Not sent in the last hour', 'short', `sum(increase(wa_messages_sent_total{${FAILED}}[1h]))`),
    ],
  },
  {
    title: 'Sessions',
    panels: [
      {
        title: 'State of each agent',
        kind: 'state-timeline',
        unit: 'short',
        width: 16,
        queries: [[`wa_session_state{${AGENT}} == 1`, '{{agent_id}} {{state}}']],
        description: 'A bar per agent and state.',
      },
      series('Agents by state', 'short', [['sum by (state) (wa_sessions)', '{{state}}']]),
      series('Time in the current state', 's', [
        [`time() - wa_session_state_since_timestamp_seconds{${AGENT}}`, '{{agent_id}}'],
      ]),
      series('Restarts by reason', 'cps', [[rate('wa_session_restarts_total', 'reason'), '{{reason}}']]),
      series('QRs', 'cps', [['sum(rate(wa_session_qr_issued_total[$__rate_interval]))', 'shown']]),
      series('From the first QR to the end of the pairing', 's', [
        [quantile(0.5, 'wa_session_pairing_duration_seconds', 'outcome'), 'half within: {{outcome}}'],
      ]),
      series('Transitions', 'cps', [[rate('wa_session_transitions_total', 'event'), '{{event}}']]),
      series('Ignored events, and errors without a caller', 'cps', [
        [rate('wa_session_events_ignored_total', 'state, event'), '{{event}} in {{state}}'],
        [rate('wa_faults_total', 'where'), 'error: {{where}}'],
      ]),
      series('Duration of states', 's', [
        [quantile(0.5, 'wa_session_state_duration_seconds', 'state'), 'half within: {{state}}'],
      ]),
    ],
  },
  {
    title: 'Sending',
    panels: [
      series('Messages by outcome', 'cps', [
        [rate('wa_messages_sent_total', 'type, outcome'), '{{type}} {{outcome}}'],
      ]),
      series('Delivered, read, played', 'cps', [[rate('wa_message_acks_total', 'ack'), '{{ack}}']]),
      series('Failures by error', 'cps', [
        [rate('wa_messages_sent_total', 'error_type', FAILED), '{{error_type}}'],
      ]),
      series('Waiting', 'short', [
        [`wa_mailbox_messages{${AGENT}}`, '{{agent_id}}'],
        ['max(wa_mailbox_capacity_messages)', 'capacity'],
      ]),
      series('Age of the first in the queue', 's', [
        [`wa_mailbox_oldest_message_age_seconds{${AGENT}}`, '{{agent_id}}'],
      ]),
      series('From acceptance to hand-over', 's', medianAndSlow('wa_mailbox_wait_duration_seconds')),
      series('Tokens', 'short', [[`wa_rate_limiter_tokens{${AGENT}}`, '{{agent_id}}']]),
      series('Refused', 'cps', [[rate('wa_mailbox_rejected_messages_total', 'reason'), '{{reason}}']]),
      series('Idempotency keys', 'cps', [[rate('wa_idempotency_requests_total', 'outcome'), '{{outcome}}']]),
    ],
  },
  {
    title: 'Answering',
    panels: [
      series('Messages received', 'cps', [
        [rate('wa_messages_received_total', 'type, handled'), '{{type}} {{handled}}'],
      ]),
      series('Messages refused: too many wait', 'cps', [
        [rate('wa_inbound_refused_messages_total', 'limit'), '{{limit}}'],
      ]),
      series('Chats that the bot does not answer', 'short', [
        [`sum by (mode) (wa_chats{${AGENT}})`, '{{mode}}'],
      ]),
      series('AI calls by outcome', 'cps', [
        [rate('wa_ai_request_duration_seconds_count', 'outcome'), '{{outcome}}'],
      ]),
      series('Time of the AI', 's', medianAndSlow('wa_ai_request_duration_seconds')),
      series('Voice to text by outcome', 'cps', [
        [rate('wa_transcription_duration_seconds_count', 'outcome'), '{{outcome}}'],
      ]),
      series('Time of voice to text', 's', medianAndSlow('wa_transcription_duration_seconds')),
    ],
  },
  {
    title: 'Webhooks',
    panels: [
      series('Deliveries by outcome', 'cps', [
        [rate('wa_webhook_deliveries_total', 'outcome'), '{{outcome}}'],
      ]),
      series('Events that wait', 'short', [
        [`sum by (agent_id) (wa_webhook_waiting_events{${AGENT}})`, '{{agent_id}}'],
      ]),
      series('Age of the oldest event', 's', [
        [`max by (agent_id) (wa_webhook_oldest_event_age_seconds{${AGENT}})`, '{{agent_id}}'],
      ]),
      series('Dead letters', 'short', [
        [`sum by (agent_id) (wa_webhook_dead_events{${AGENT}})`, '{{agent_id}}'],
      ]),
    ],
  },
  {
    title: 'HTTP',
    panels: [
      series('Requests by route', 'reqps', [
        [
          rate('http_server_request_duration_seconds_count', 'http_request_method, http_route'),
          '{{http_request_method}} {{http_route}}',
        ],
      ]),
      series('Requests by status', 'reqps', [
        [
          rate('http_server_request_duration_seconds_count', 'http_response_status_code'),
          '{{http_response_status_code}}',
        ],
      ]),
      series('95% answered within', 's', [
        [quantile(0.95, 'http_server_request_duration_seconds', 'http_route', NO_STREAMS), '{{http_route}}'],
      ]),
      series('Requests in progress', 'short', [['sum(http_server_active_requests)', 'requests']]),
    ],
  },
  {
    title: 'WhatsApp client and database',
    panels: [
      series('95% of the client’s calls within', 's', [
        [quantile(0.95, 'wa_client_operation_duration_seconds', 'operation'), '{{operation}}'],
      ]),
      series('Client’s calls by outcome', 'cps', [
        [
          rate('wa_client_operation_duration_seconds_count', 'operation, outcome'),
          '{{operation}} {{outcome}}',
        ],
      ]),
      series('Memory of the browsers', 'bytes', [[`wa_chromium_memory_bytes{${AGENT}}`, '{{agent_id}}']]),
      series('95% of the queries within', 's', [
        [quantile(0.95, 'wa_db_query_duration_seconds', 'operation'), '{{operation}}'],
      ]),
      series('Stored files', 'bytes', [
        ['wa_files_bytes', 'stored'],
        ['wa_files_capacity_bytes', 'capacity'],
      ]),
      series('Number of stored files', 'short', [['wa_files', 'files']]),
      series('Database connections', 'short', [['sum by (state) (wa_db_pool_connections)', '{{state}}']]),
    ],
  },
  {
    title: 'WhatsApp',
    panels: [
      series('Incompatible pages', 'short', [[`wa_compatibility{state="broken", ${AGENT}}`, '{{agent_id}}']]),
      series('Builds of WhatsApp Web', 'short', [['wa_whatsapp_web_version_info', '{{version}}']]),
      series('Restricted accounts', 'short', [[`wa_restricted{${AGENT}}`, '{{agent_id}}: {{kind}}']]),
      series('Messages not reported', 'short', [
        ['sum(increase(wa_unreported_messages_total[$__rate_interval]))', 'messages'],
      ]),
    ],
  },
  {
    title: 'Process',
    panels: [
      series('CPU', 'percentunit', [
        [
          'rate(process_cpu_seconds_total[$__rate_interval]) and on (job, instance) wa_build_info',
          '{{instance}}',
        ],
      ]),
      series('Memory', 'bytes', [
        ['process_resident_memory_bytes and on (job, instance) wa_build_info', 'resident'],
        ['nodejs_heap_size_used_bytes and on (job, instance) wa_build_info', 'heap'],
      ]),
      series('Event loop delay', 's', [
        ['nodejs_eventloop_lag_p99_seconds and on (job, instance) wa_build_info', '99% within'],
        ['nodejs_eventloop_lag_p50_seconds and on (job, instance) wa_build_info', 'half within'],
      ]),
    ],
  },
];
