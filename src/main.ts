import { createApp } from './app.ts';
import { ConfigError, loadEnvFile, readConfig } from './infra/config.ts';
import { createLogger } from './infra/logging/logger.ts';

// The process: configuration, app, start, signals, exit code.

/** Reads the configuration; exits with every fault listed and 78, the code that pm2 does not restart. */
function configuration() {
  try {
    loadEnvFile();
    return readConfig(process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(error.message);
    process.exit(78);
  }
}

// Profiles, images and the database are for this user alone, whatever writes them.
process.umask(0o077);
const config = configuration();
const logger = createLogger(config.LOG_LEVEL);
/** The running service, for the scripts that start it. */
export const app = createApp(config, { logger, onEvicted: () => void end(1) });

// whatsapp-web.js rejects promises that have no handler, with bare strings too: reported, never fatal.
process.on('unhandledRejection', (reason) => app.fault('unhandledRejection', reason));
process.on('uncaughtException', (error) => app.fault('uncaughtException', error));

let stopping = false;

/** The first signal drains; the second exits at once. */
function onSignal(signal: string): void {
  if (stopping) process.exit(1);
  logger.info({ event: 'service.stopping', signal });
  void end(0);
}

/** Drains, then exits with this code. */
async function end(code: number): Promise<void> {
  stopping = true;
  const failed = (error: unknown) => {
    logger.error({ event: 'service.stop_failed', err: error });
    return 1;
  };
  process.exit(await app.stop().then(() => code, failed));
}
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, onSignal);

try {
  await app.start();
  process.send?.('ready');
} catch (error) {
  // A start that a signal has interrupted has not failed.
  if (!stopping) {
    logger.fatal({ event: 'service.start_failed', err: error });
    console.error(`The service could not start: ${error instanceof Error ? error.message : String(error)}`);
    await end(1);
  }
}
