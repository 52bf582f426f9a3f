import type { RequestHandler } from 'express';
import { agentAuth } from './middleware/agent-auth.ts';
import { type CreateLimits, createLimits } from './middleware/create-limits.ts';
import { createOnce, type Once } from './middleware/idempotency.ts';
import { tokenGuards } from './middleware/operator-auth.ts';
import { rateLimitHeaders } from './middleware/rate-limit-headers.ts';
import { ByteBudget } from './middleware/upload-budget.ts';
import { UploadSlots } from './middleware/upload-slots.ts';
import { PEOPLE, type Refusal, wrongKeys } from './middleware/wrong-keys.ts';
import type { DocumentFiles } from './openapi/document-files.ts';
import type { Access } from './operation.ts';
import type { HttpDeps } from './ports.ts';
import { streamLimit } from './sse/stream-limit.ts';

const MEGABYTE = 1024 * 1024;
/** Uploads of files that one agent may have running. */
const UPLOADS_AT_ONCE = 4;

/** Memory for the bodies of agents, in two budgets so that neither kind blocks the other. */
interface Budgets {
  /** Images, in bodies and from URLs. */
  media: ByteBudget;
  /** All other bodies. */
  text: ByteBudget;
}

/** The injected parts and the middleware that counts across operations. */
export interface HttpContext extends HttpDeps {
  /** Middleware by access; `open` needs none. */
  guards: Record<Exclude<Access, 'open'>, RequestHandler>;
  budgets: Budgets;
  /** Uploads of files that run, by agent. */
  uploads: UploadSlots;
  /** Limits open event streams. */
  streams: RequestHandler;
  createLimits: CreateLimits;
  /** Counts wrong tokens in the log-in form. */
  wrongLogins: Refusal;
  /** Adds the agent's send bucket to the response. */
  rateLimit: RequestHandler;
  once: Once;
  document: DocumentFiles;
}

/** Creates the shared middleware once. */
export function httpContext(deps: HttpDeps, document: DocumentFiles): HttpContext {
  const { SESSIONS_TOKEN, UPLOAD_BUDGET_MB, SEND_RATE_PER_MINUTE } = deps.settings;
  const { api, page } = tokenGuards(SESSIONS_TOKEN);
  return {
    ...deps,
    document,
    guards: { operator: api, page, agent: agentAuth(deps.system) },
    streams: streamLimit(),
    budgets: {
      media: new ByteBudget(0.75 * UPLOAD_BUDGET_MB * MEGABYTE),
      text: new ByteBudget(0.25 * UPLOAD_BUDGET_MB * MEGABYTE),
    },
    uploads: new UploadSlots(UPLOADS_AT_ONCE),
    createLimits: createLimits(deps.system, deps.settings),
    wrongLogins: wrongKeys(PEOPLE),
    rateLimit: rateLimitHeaders(deps.system, SEND_RATE_PER_MINUTE),
    once: createOnce(deps),
  };
}
