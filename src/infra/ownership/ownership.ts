import { resolve } from 'node:path';
import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import type { ReleaseStack } from '../release-stack.ts';
import { ownDatabase } from './database-owner.ts';
import { lockFolder } from './folder-lock.ts';

/** Time between a predecessor's drain and the close of its connection. */
const MARGIN_MS = 5_000;
const LEVELS = { waiting: 'warn', lost: 'error', regained: 'info', taken: 'fatal' } as const;

export interface OwnershipContext {
  logger: Logger;
  releases: ReleaseStack;
  /** Stops the wait for a predecessor. */
  stopping: AbortSignal;
  /** Another service has taken the database: the process must exit. */
  onEvicted(): void;
}

/**
 * Locks our folders and our database, before anything in them is read or adopted.
 * @throws Error for the operator when another service has one of them
 */
export async function takeOwnership(config: Config, context: OwnershipContext): Promise<void> {
  const { DATA_DIR, WWEBJS_AUTH_DIR, WHATSAPP_DRIVER } = config;
  const dirs = WHATSAPP_DRIVER === 'wwebjs' ? [DATA_DIR, WWEBJS_AUTH_DIR] : [DATA_DIR];
  for (const dir of new Set(dirs.map((each) => resolve(each)))) {
    context.releases.push(await lockFolder(dir));
  }
  await takeDatabase(config, context);
}

/** Locks the database; the embedded one is in a folder that is locked already. */
async function takeDatabase(
  { DB_URL, SHUTDOWN_GRACE_MS }: Config,
  { logger, releases, stopping, onEvicted }: OwnershipContext,
): Promise<void> {
  if (!DB_URL) return;
  const release = await ownDatabase({
    dbUrl: DB_URL,
    // The holder may be our predecessor, which has that long to exit.
    waitMs: SHUTDOWN_GRACE_MS + MARGIN_MS,
    signal: stopping,
    onEvent: (event, text) => {
      logger[LEVELS[event]]({ event: `database.${event}` }, text);
      if (event === 'taken') onEvicted();
    },
  });
  releases.push(release);
}
