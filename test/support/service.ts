import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import pino from 'pino';
import { type App, createApp, type Overrides } from '../../src/app.ts';
import { type Config, readConfig } from '../../src/infra/config.ts';
import type { BackendContext } from '../../src/infra/whatsapp/whatsapp-backend.ts';
import { SANDBOX_EDITION, sandboxRouters } from '../../src/sandbox/control-api/sandbox-routes.ts';
import { SandboxDriver } from '../../src/sandbox/driver/sandbox-driver.ts';
import { SandboxNetwork } from '../../src/sandbox/network/network.ts';
import { AiServer } from './ai-server.ts';
import { PIXEL } from './fixtures.ts';
import { freePort } from './free-port.ts';
import type { TestDatabase } from './postgres.ts';
import type { StandIn } from './stand-in/index.ts';

/** A whole service on loopback with its surroundings, for one suite. */
export interface Service {
  app: App;
  url: string;
  config: Config;
  network: SandboxNetwork;
  ai: AiServer;
  pool: pg.Pool;
  /** Its own folder, deleted with it. */
  dir: string;
  /** Serves a tiny PNG at `/image.png`, and is an allowed media origin. */
  images: string;
  /** Where webhooks may lead: an origin of this machine that nothing listens at. */
  receiver: string;
  /** Stops the app, and starts another one with the same surroundings; `meanwhile` runs in between. */
  restart(meanwhile?: () => void): Promise<void>;
  close(): Promise<void>;
}

/** Serves a PNG. */
async function imageServer(): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer((_req, res) => res.writeHead(200, { 'content-type': 'image/png' }).end(PIXEL));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/**
 * Starts the service on a fresh database. On the simulated WhatsApp unless `env`, the environment as an operator
 * would set it, names another driver.
 */
export async function startService(
  database: TestDatabase,
  { env = {}, standIn, ...overrides }: ServiceOptions = {},
): Promise<Service> {
  const dir = await mkdtemp(join(tmpdir(), 'gateway-'));
  const ai = await new AiServer().open();
  const images = await imageServer();
  const receiver = `http://127.0.0.1:${await freePort()}`;
  const network = overrides.network ?? new SandboxNetwork();
  const read = readConfig({
    WHATSAPP_DRIVER: standIn ? 'wwebjs' : 'sandbox',
    PORT: '0',
    DB_URL: database.url,
    DATA_DIR: join(dir, 'data'),
    TEMP_DIR: join(dir, 'temp'),
    WWEBJS_AUTH_DIR: join(dir, 'auth'),
    AI_BACKEND_URL: ai.url,
    MEDIA_ALLOWED_ORIGINS: images.url,
    WEBHOOK_ALLOWED_ORIGINS: receiver,
    ...env,
  });
  // An argument with spaces can't be given by the environment.
  const config = standIn ? { ...read, CHROMIUM_ARGS: standIn.chromiumArgs } : read;
  const driver = overrides.driver ?? new SandboxDriver(network);
  const whatsapp = {
    driver,
    clock: network.clock,
    newStanzaId: (agentId: string) => network.tokens.newStanzaId(agentId),
    aiBackendUrl: config.AI_BACKEND_URL,
    edition: SANDBOX_EDITION,
    routers: ({ system, ...context }: BackendContext) =>
      sandboxRouters({ ...context, network, agents: system }, config.APP_BASE_URL),
    close: () => driver.close(),
  };
  const start = async () => {
    const app = createApp(config, {
      logger: pino({ level: 'silent' }),
      whatsapp: config.WHATSAPP_DRIVER === 'sandbox' ? whatsapp : undefined,
      ...overrides,
    });
    await app.start();
    return app;
  };
  /** Closes what is around the app. */
  const closeAround = async () => {
    await ai.close();
    await images.close();
    network.close();
    await rm(dir, { recursive: true, force: true });
  };
  let app = await start().catch(async (error: unknown) => {
    await closeAround();
    throw error;
  });
  const pool = new pg.Pool({ ...database.config, max: 2 });
  return {
    get app() {
      return app;
    },
    get url() {
      return app.url;
    },
    config,
    network,
    ai,
    pool,
    dir,
    images: images.url,
    receiver,
    restart: async (meanwhile) => {
      await app.stop();
      meanwhile?.();
      app = await start();
    },
    close: async () => {
      await app.stop();
      await pool.end();
      await closeAround();
    },
  };
}

export interface ServiceOptions extends Partial<Overrides> {
  env?: Record<string, string>;
  /** The page that whatsapp-web.js in Chromium opens, in place of the sandbox's driver. */
  standIn?: Pick<StandIn, 'chromiumArgs'>;
  network?: SandboxNetwork;
  /** Replaces the sandbox driver on `network`. */
  driver?: SandboxDriver;
}
