import { randomBytes } from 'node:crypto';
import { isLoopback } from '../http/middleware/host-and-origin.ts';
import type { Config } from '../infra/config.ts';
import { HOST_CLOCK } from '../infra/host-clock.ts';
import type { WhatsAppBackend } from '../infra/whatsapp/whatsapp-backend.ts';
import { SANDBOX_EDITION, sandboxRouters } from './control-api/sandbox-routes.ts';
import { SandboxDriver } from './driver/sandbox-driver.ts';
import { startEchoAi } from './echo-ai.ts';
import { SandboxNetwork } from './network/network.ts';
import { RemoteSandboxDriver } from './remote/remote-driver.ts';

/**
 * The simulated WhatsApp with its control API and an echoing AI; `DATA_DIR` keeps its state across restarts.
 * @throws Error in production, and without a token on a HOST other than loopback
 */
export async function openSandbox(config: Config): Promise<WhatsAppBackend> {
  if (config.NODE_ENV === 'production')
    throw new Error('WHATSAPP_DRIVER=sandbox simulates WhatsApp: it does not run with NODE_ENV=production.');
  if (!isLoopback(config.HOST) && !config.SESSIONS_TOKEN)
    throw new Error(
      'The sandbox stays on loopback: with another HOST, anyone on its network could drive it. ' +
        'If that is meant, set SESSIONS_TOKEN, which /sandbox then wants as Bearer, too.',
    );
  if (config.SANDBOX_URL) return openRemoteSandbox(config, config.SANDBOX_URL);
  const network = new SandboxNetwork({ journal: `${config.DATA_DIR}/sandbox.jsonl` });
  const driver = new SandboxDriver(network);
  const echo = config.AI_BACKEND_URL ? null : await startEchoAi();
  return {
    driver,
    clock: network.clock,
    newStanzaId: (agentId) => network.tokens.newStanzaId(agentId),
    edition: SANDBOX_EDITION,
    aiBackendUrl: config.AI_BACKEND_URL ?? echo?.url,
    routers: ({ system, ...context }) =>
      sandboxRouters({ ...context, network, agents: system }, config.APP_BASE_URL),
    close: async () => {
      await driver.close();
      network.close();
      await echo?.close();
    },
  };
}

/** A simulated WhatsApp that runs as a process of its own, at this URL. */
async function openRemoteSandbox(config: Config, url: string): Promise<WhatsAppBackend> {
  const driver = new RemoteSandboxDriver(url, { authDir: config.WWEBJS_AUTH_DIR, clock: HOST_CLOCK });
  const echo = config.AI_BACKEND_URL ? null : await startEchoAi();
  return {
    driver,
    clock: HOST_CLOCK,
    newStanzaId: () => `3EB0${randomBytes(9).toString('hex').toUpperCase()}`,
    edition: { ...SANDBOX_EDITION, documents: [] },
    aiBackendUrl: config.AI_BACKEND_URL ?? echo?.url,
    routers: () => [],
    close: async () => {
      await driver.close();
      await echo?.close();
    },
  };
}
