import type { RequestHandler } from 'express';
import { type TokenGuards, tokenGuards } from './middleware/operator-auth.ts';
import { ByteBudget } from './middleware/upload-budget.ts';
import type { HttpDeps } from './ports.ts';
import { streamLimit } from './sse/stream-limit.ts';

const MEGABYTE = 1024 * 1024;

/** What agents' bodies may take of the memory; apart, so that neither kind keeps the other out. */
interface Budgets {
  /** Images, in bodies and from URLs. */
  media: ByteBudget;
  /** All other bodies. */
  text: ByteBudget;
}

/** What all routes share, beside what the app is given: made once, so that they count as one. */
export interface EdgeDeps extends HttpDeps {
  guards: TokenGuards;
  budgets: Budgets;
  /** In front of every route that streams events. */
  streams: RequestHandler;
}

/** Makes what all routes share. */
export function edgeDeps(deps: HttpDeps): EdgeDeps {
  const { SESSIONS_TOKEN, UPLOAD_BUDGET_MB } = deps.settings;
  return {
    ...deps,
    guards: tokenGuards(SESSIONS_TOKEN),
    streams: streamLimit(),
    budgets: {
      media: new ByteBudget(0.75 * UPLOAD_BUDGET_MB * MEGABYTE),
      text: new ByteBudget(0.25 * UPLOAD_BUDGET_MB * MEGABYTE),
    },
  };
}
