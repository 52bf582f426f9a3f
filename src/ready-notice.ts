import type { Logger } from 'pino';
import { isLoopback } from './http/middleware/security-headers.ts';
import type { Config } from './infra/config.ts';

/** The one line that says that the service is ready, and before it what the operator should know. */
export function tellReady(logger: Logger, config: Config, url: string): void {
  const { HOST, SESSIONS_TOKEN, WHATSAPP_DRIVER } = config;
  if (!SESSIONS_TOKEN) {
    const [level, reach] = isLoopback(HOST)
      ? (['info', 'everybody on this machine'] as const)
      : (['warn', 'this network'] as const);
    logger[level](
      { event: 'service.open', host: HOST },
      `/sessions* is open to ${reach}: set SESSIONS_TOKEN to close it`,
    );
  }
  logger.info({ event: 'service.ready', url, driver: WHATSAPP_DRIVER }, `ready on ${url}`);
}
