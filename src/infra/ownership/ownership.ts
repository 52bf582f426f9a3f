import { resolve } from 'node:path';
import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import type { ReleaseStack } from '../release-stack.ts';
import { ownDatabase } from './database-owner.ts';
import { lockFolder } from './folder-lock.ts';

/** From the end of a predecessor's drain to the end of its connection. */
const MARGIN_MS = 5_000;
const LEVELS = { waiting: 'warn', lost: 'error', regained: 'info', taken: 'fatal' } as const;

/** What an ownership is taken with. */
export interface OwnershipContext {
  logger: Logger;
  releases: ReleaseStack;
  /** Ends the waiting for a predecessor. */
  stopping: AbortSignal;
  /** Told when another service has the database: the process has to end. */
  onEvicted(): void;
}

/**
 * Keeps other services away from our folders and our database, before anything in them is looked at or adopted.
 * @throws Error in words for the operator when another service has one of them
 */
export async function takeOwnership(config: Config, context: OwnershipContext): Promise<void> {
  const { DATA_DIR, WWEBJS_AUTH_DIR, WHATSAPP_DRIVER } = config;
  const dirs = WHATSAPP_DRIVER === 'wwebjs' ? [DATA_DIR, WWEBJS_AUTH_DIR] : [DATA_DIR];
  for (const dir of new Set(dirs.map((each) => resolve(each)))) {
    context.releases.push(await lockFolder(dir));
  }
  await takeDatabase(config, context);
}

/** Keeps other services away from our database; the embedded one is in a folder that is locked already. */
async function takeDatabase(
  { DB_URL, SHUTDOWN_GRACE_MS }: Config,
  { logger, releases, stopping, onEvicted }: OwnershipContext,
): Promise<void> {
  if (!DB_URL) return;
  const release = await ownDatabase({
    dbUrl: DB_URL,
    // What has it may be our predecessor, which has that long to end.
    waitMs: SHUTDOWN_GRACE_MS + MARGIN_MS,
    signal: stopping,
    onEvent: (event, text) => {
      logger[LEVELS[event]]({ event: `database.${event}` }, text);
      if (event === 'taken') onEvicted();
    },
  });
  releases.push(release);
}
