import type { ToJid } from '../infra/content-schemas.ts';
import type { HttpContext } from './context.ts';
import type { Operation } from './operation.ts';
import { chatOperations } from './routes/agents/agent-chats.ts';
import { settingsOperations } from './routes/agents/agent-settings.ts';
import { webhookOperations } from './routes/agents/agent-webhooks.ts';
import { chatMessageOperations } from './routes/agents/chat-messages.ts';
import { mediaOperation } from './routes/agents/media.ts';
import { messageOperations } from './routes/agents/messages.ts';
import { ownMessageOperations } from './routes/agents/own-messages.ts';
import { runOperation } from './routes/agents/run.ts';
import { fileOperations } from './routes/agents/stored-files.ts';
import { cloudMessageOperation } from './routes/cloud-api/cloud-messages.ts';
import { cloudNodeOperations } from './routes/cloud-api/cloud-nodes.ts';
import { docsOperations } from './routes/docs.ts';
import { documentOperations } from './routes/documents.ts';
import { inspectorOperations } from './routes/inspector.ts';
import { loginOperations } from './routes/login.ts';
import { mcpOperation } from './routes/mcp.ts';
import { serviceOperations } from './routes/service.ts';
import { watchSession } from './routes/session-events.ts';
import { linkingOperations } from './routes/session-linking.ts';
import { sessionOperations } from './routes/sessions.ts';
import { drawSession } from './routes/statechart.ts';

/** The endpoints of the Cloud API, below `/cloud` and the version. */
export function cloudOperations(toJid: ToJid): Operation<HttpContext>[] {
  return [cloudMessageOperation(toJid), ...cloudNodeOperations];
}

/** All endpoints of the gateway, the most frequent first: each route that a request passes costs it. */
export function operations(toJid: ToJid): Operation<HttpContext>[] {
  return [
    ...messageOperations(toJid),
    ...ownMessageOperations(toJid),
    mediaOperation(toJid),
    runOperation(toJid),
    ...fileOperations,
    ...chatOperations(toJid),
    ...chatMessageOperations(toJid),
    ...settingsOperations(toJid),
    ...webhookOperations,
    mcpOperation(toJid),
    ...sessionOperations,
    ...linkingOperations(toJid),
    watchSession,
    drawSession,
    ...inspectorOperations,
    ...serviceOperations,
    ...documentOperations,
    ...docsOperations,
    ...loginOperations,
  ];
}
