import type { Logger } from 'pino';
import type { AgentRef } from '../../actors/domain/identity.ts';

/** What became of a delivery to a webhook. */
interface Report {
  outcome: 'delivered' | 'failed' | 'dead';
  webhook: AgentRef & { id: string };
  error?: string;
  /** Failed attempts in a row, with this one or before it. */
  failures?: number;
  afterFailures?: number;
  count?: number;
}

/** Logs a webhook that begins to fail, works again, or loses events; single deliveries are metrics. */
export function logDelivery(logger: Logger): (report: Report) => void {
  return ({ outcome, webhook: { id: webhookId, agentId }, error, failures, afterFailures, count }) => {
    const webhook = { agentId, webhookId };
    if (outcome === 'dead') logger.error({ event: 'webhook.dead', ...webhook, count });
    else if (failures === 1) logger.warn({ event: 'webhook.failing', ...webhook, code: error });
    else if (afterFailures) logger.info({ event: 'webhook.recovered', ...webhook, failures: afterFailures });
  };
}
