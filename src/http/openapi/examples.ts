// One example per body of the OpenAPI document, with the values of one small story.

const base = 'http://localhost:3000/agents/support-bot';
const at = '2025-11-07T08:00:00.000Z';

const head = {
  userId: 123,
  agentId: 'support-bot',
  agentName: 'Support Bot',
  status: 'awaiting_qr',
  endpoints: { run: `${base}/run`, messages: `${base}/messages`, media: `${base}/media` },
  live: { isConnected: false, sessionState: null, isReady: false, hasClient: true },
};

const up = { isConnected: true, sessionState: 'CONNECTED', isReady: true, hasClient: true };

export const pending = head;
export const started = { ...head, qr: '2@AbCdEf,GhIjKl,MnOpQr' };
export const connected = { ...head, status: 'connected', live: up };

const whatsapp = { webVersion: '2.3000.1043220887', compatibility: 'ok', repaired: [], missing: [] };

export const session = {
  ...connected,
  live: { ...up, whatsapp },
  restriction: null,
  reason: null,
  states: ['connected'],
  since: at,
  endpointUrlRun: null,
  lastConnectedAt: at,
  lastDisconnectedAt: null,
  createdAt: at,
  updatedAt: at,
  mailbox: { depth: 0, capacity: 500, tokens: 100 },
  supervisor: { restarts: 0 },
};

export const challenge = {
  publicKey: {
    challenge: 'AQIDBAUGBwg',
    rpId: 'whatsapp.com',
    userVerification: 'required',
    timeout: 60_000,
  },
};

export const pairing = { code: 'ABCD1234', expiresAt: at };

export const sent = {
  messageId: 'true_6281234567890@c.us_3EB0C767D26A1D8E5A1B',
  id: '019a9f3e-7c1d-7b8e-9d52-3f0c5a1e77aa',
  to: '6281234567890@c.us',
  status: 'sent',
  timestamp: at,
};

/** A call of a tool by MCP, and its result. */
export const mcpCall = {
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name: 'get_message', arguments: { message_id: sent.id } },
};

const state = { id: sent.id, status: 'sent', to: sent.to, kind: 'text', createdAt: at };
export const mcpResult = {
  jsonrpc: '2.0',
  id: 1,
  result: { content: [{ type: 'text', text: JSON.stringify(state) }], structuredContent: state },
};

export const queued = { id: sent.id, status: 'queued', position: 3 };

export const image = { mimetype: 'image/png', size: 48_213, previewPath: '/tmp/wwebjs/019a9f3e.png' };

const fileId = '01f0a6c2-9b1d-4c63-8a4e-2f5d7c9e1b30';
const link = 'expires=1762588800&signature=nXj3vW0qf1oZlq0m3Hh9yC7bq2mT5cV8xk4sR6uA1dE';

export const file = {
  id: fileId,
  mimetype: 'application/pdf',
  size: 48_213,
  sha256: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  expiresAt: '2025-11-08T08:00:00.000Z',
  url: `http://localhost:3000/files/${fileId}?${link}`,
};

export const chat = {
  chatId: sent.to,
  mode: 'human',
  since: at,
  until: '2025-11-07T09:00:00.000Z',
};

const received = `false_${sent.to}_3EB0C767D097B7C7C030`;

export const chatPage = {
  chats: [
    {
      chatId: sent.to,
      lid: '123456789012345@lid',
      name: 'Sari',
      isGroup: false,
      unreadCount: 2,
      lastMessage: { id: received, fromMe: false, type: 'text', text: 'Buka hari ini?', at },
      mode: 'bot',
    },
  ],
  next: 'WzE3NjI1MDI0MDAsIjYyODEyMzQ1Njc4OTBAYy51cyIsIjEiXQ',
};

export const messagePage = {
  messages: [
    {
      id: received,
      from: sent.to,
      fromMe: false,
      by: 'customer',
      type: 'image',
      text: 'Struk saya',
      file: {
        mimeType: 'image/jpeg',
        sizeBytes: 48_213,
        sha256: file.sha256,
        url: `${base}/chats/${encodeURIComponent(sent.to)}/messages/${encodeURIComponent(received)}/file`,
      },
      at,
    },
    {
      id: sent.messageId,
      from: '6281100000001@c.us',
      fromMe: true,
      by: 'bot',
      type: 'text',
      text: 'Halo!',
      at,
      status: 'read',
    },
  ],
};

export const contact = { exists: true, jid: sent.to, lid: '123456789012345@lid', name: 'Sari' };

export const webhook = {
  id: '5b0c7c1e-6f0f-4b8e-9a53-1c2d3e4f5a6b',
  url: 'https://example.com/whatsapp',
  events: ['message.received', 'message.status'],
  format: 'native',
  verified: true,
  createdAt: at,
  waiting: 0,
  dead: 1,
};

export const createdWebhook = { ...webhook, dead: 0, secret: 'q0Zb0bq2m5Xv7Yk3uJtqk1gV8nA4cF6hR9sLxWzPdEo' };

export const webhookList = { webhooks: [webhook] };

export const webhookTest = { id: 'c2f6d0aa-3a0b-4a53-8f0e-7d6c5b4a3f2f', delivered: true, status: 200 };

export const webhookDelivery = {
  id: 'c2f6d0aa-3a0b-4a53-8f0e-7d6c5b4a3f2e',
  type: 'message.status',
  at,
  sequence: 41,
  status: 'dead',
  attempts: 92,
  error: 'HTTP_500',
  data: { id: sent.id, to: sent.to, kind: 'text', origin: 'api', status: 'sent', createdAt: at, sentAt: at },
};

export const deliveryList = { deliveries: [webhookDelivery] };

export const agentSettings = {
  inboundTypes: ['text', 'image'],
  aiMedia: null,
  debounceMs: 3_000,
  debounceMaxMs: null,
  handoverMinutes: 30,
  ignore: [sent.to, '@g.us'],
  replyDelay: { perCharacterMs: 30, maxMs: 5_000 },
};

export const ran = {
  reply: 'Hello! How can I help?',
  replySent: true,
  sessionId: sent.to,
  id: sent.id,
  messageId: sent.messageId,
  messages: [{ id: '019a9f3e-7c1d-8b8e-8d52-3f0c5a1e77ab', messageId: `${sent.messageId}B`, type: 'image' }],
};

export const message = {
  id: sent.id,
  status: 'sent',
  to: sent.to,
  kind: 'text',
  messageId: sent.messageId,
  createdAt: at,
  sentAt: at,
};

const row = {
  agentId: head.agentId,
  agentName: head.agentName,
  userId: head.userId,
  status: 'connected',
  states: ['connected.healthy'],
  supervisorStates: ['alive.running.steady'],
  since: at,
  reason: null,
  mailbox: { mode: 'idle', depth: 0, capacity: 500, tokens: 100 },
  supervisor: { restarts: 0 },
  chats: { human: 1, closed: 0 },
  settings: {
    inboundTypes: ['text'],
    aiMedia: 'url',
    debounceMs: 3_000,
    debounceMaxMs: 30_000,
    handoverMinutes: 30,
    ignored: 2,
    replyDelayMs: 5_000,
  },
  hasQr: false,
  whatsapp,
  restriction: null,
};

export const inspectedAgents = {
  charts: { agent: '9ea5df31e2e2bbb9', supervisor: 'c74cd1cc710e2e94' },
  driver: 'wwebjs',
  hasLogin: false,
  agents: [row],
};

const probe = 'connected.healthy → connected.probing';

export const inspectedAgent = {
  ...row,
  qr: null,
  turns: {
    count: 1,
    first: [{ chat: '•••567@c.us', messages: 2, phase: 'collecting', since: at, until: at }],
  },
  next: { agent: [{ event: 'probe.due', label: 'probe.due', edge: probe }], supervisor: [] },
  history: [
    {
      seq: 12,
      at: 1_762_502_400_000,
      machine: 'agent',
      event: 'probe.due',
      edges: [probe],
      ignored: false,
      from: row.states,
      to: ['connected.probing'],
      dwellMs: 15_000,
    },
  ],
};

/** Frames of the event streams. */
const change = { status: 'connected', from: 'awaiting_qr', reason: null, at };
export const stateFrame = `event: state\ndata: ${JSON.stringify(change)}\n\n`;
export const removedFrame = `event: removed\ndata: ${JSON.stringify({ agentId: head.agentId })}\n\n`;

export const mermaid = 'stateDiagram-v2\n  [*] --> awaiting_qr\n  awaiting_qr --> connected: client.ready\n';
