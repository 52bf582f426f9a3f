import { randomBytes } from 'node:crypto';
import type { GatewayApi } from './actors/domain/gateway-api.ts';
import type { Scheduler } from './actors/domain/ports/clock.ts';
import type { WhatsAppDriver } from './actors/domain/ports/whatsapp.ts';
import { isLoopback } from './http/middleware/security-headers.ts';
import type { Edition, ExtraRouter } from './http/ports.ts';
import { type Config, childEnvironment } from './infra/config.ts';
import { HOST_CLOCK } from './infra/host-clock.ts';

/** What of the running service a side's pages and APIs may use. */
export interface Inside {
  system: GatewayApi;
  /** Aborted when the service begins to stop. */
  stopping: AbortSignal;
  /** Forgets which incoming messages were handled: ids that come again are new. */
  forgetInbound(): Promise<void>;
}

/** The half of the composition that differs between the real WhatsApp and the simulated one. */
export interface WhatsAppSide {
  driver: WhatsAppDriver;
  /** The time of the actors and of the AI calls: the host's, or one that can be moved on. */
  clock: Scheduler;
  /** An id for a message to come, of WhatsApp's own shape. */
  newStanzaId(agentId: string): string;
  /** What marks the service as not the real thing. */
  edition?: Edition;
  /** Where agents without an AI URL of their own are answered. */
  aiBackendUrl: string | undefined;
  /** Pages and control API that come with it, once the actors exist. */
  routers(inside: Inside): ExtraRouter[];
  close(): Promise<void>;
}

/** Told of errors that nobody waits for. */
type OnFault = (where: string, error: unknown) => void;
/** Told what the operator should know. */
type OnNotice = (text: string) => void;

/** An id as WhatsApp Web draws it, of nine random bytes. */
function stanzaIdOf(bytes: Buffer): string {
  return `3EB0${bytes.toString('hex').toUpperCase()}`;
}

/** The real WhatsApp: whatsapp-web.js in Chromium, loaded only here. */
async function realSide(config: Config, onFault: OnFault, onNotice: OnNotice): Promise<WhatsAppSide> {
  const { WwebjsDriver } = await import('./infra/whatsapp/wwebjs/driver.ts');
  const driver = new WwebjsDriver({
    authDir: config.WWEBJS_AUTH_DIR,
    executablePath: config.PUPPETEER_EXECUTABLE_PATH,
    extraArgs: config.CHROMIUM_ARGS,
    sandbox: config.CHROMIUM_SANDBOX,
    sendTimeoutMs: config.SEND_TIMEOUT_MS,
    webVersion: config.WHATSAPP_WEB_VERSION,
    webVersionDir: config.WHATSAPP_WEB_DIR,
    environment: childEnvironment(),
    onFault,
    onNotice,
  });
  return {
    driver,
    clock: HOST_CLOCK,
    newStanzaId: () => stanzaIdOf(randomBytes(9)),
    aiBackendUrl: config.AI_BACKEND_URL,
    routers: () => [],
    close: () => driver.close(),
  };
}

/** The simulated WhatsApp with its control API and an AI that echoes; it outlives restarts in `DATA_DIR`. */
async function sandboxSide(config: Config): Promise<WhatsAppSide> {
  const [{ SandboxNetwork }, { SandboxDriver }, { startEchoAi }, { SANDBOX_EDITION, sandboxRouters }] =
    await Promise.all([
      import('./sandbox/network/network.ts'),
      import('./sandbox/driver/sandbox-driver.ts'),
      import('./sandbox/echo-ai.ts'),
      import('./sandbox/control-api/sandbox-routes.ts'),
    ]);
  const network = new SandboxNetwork({ journal: `${config.DATA_DIR}/sandbox.jsonl` });
  const driver = new SandboxDriver(network);
  const echo = config.AI_BACKEND_URL ? null : await startEchoAi();
  return {
    driver,
    clock: network.clock,
    newStanzaId: (agentId) => network.newStanzaId(agentId),
    edition: SANDBOX_EDITION,
    aiBackendUrl: config.AI_BACKEND_URL ?? echo?.url,
    routers: ({ system, ...inside }) =>
      sandboxRouters({ ...inside, network, agents: system }, config.APP_BASE_URL),
    close: async () => {
      await driver.close();
      network.close();
      await echo?.close();
    },
  };
}

/**
 * Opens the side that the configuration names; the other one is not even imported.
 * @throws Error when the sandbox is asked for in production, or for a network without a token.
 */
export async function openWhatsApp(
  config: Config,
  onFault: OnFault,
  onNotice: OnNotice,
): Promise<WhatsAppSide> {
  if (config.WHATSAPP_DRIVER !== 'sandbox') return realSide(config, onFault, onNotice);
  if (config.NODE_ENV === 'production')
    throw new Error('WHATSAPP_DRIVER=sandbox simulates WhatsApp: it does not run with NODE_ENV=production.');
  if (!isLoopback(config.HOST) && !config.SESSIONS_TOKEN)
    throw new Error(
      'The sandbox stays on loopback: with another HOST, anyone on its network could drive it. ' +
        'If that is meant, set SESSIONS_TOKEN, which /sandbox then wants as Bearer, too.',
    );
  return sandboxSide(config);
}
