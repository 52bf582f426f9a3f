import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import type { Logger } from 'pino';
import { problemHandler, unknownPath } from '../../http/middleware/error-handler.ts';
import { hostGuard, originGuard } from '../../http/middleware/host-and-origin.ts';
import { dataHeaders, strictPageHeaders } from '../../http/middleware/security-headers.ts';
import { trace } from '../../http/middleware/trace.ts';
import { pageAssets } from '../../http/pages/web-files.ts';
import { sandboxRouters } from '../control-api/sandbox-routes.ts';
import type { SandboxNetwork } from '../network/network.ts';
import { SessionHost } from './session-host.ts';
import { PROTOCOL } from './wire.ts';

/** The simulated WhatsApp as a service of its own. */
export interface NetworkService {
  url: string;
  host: SessionHost;
  close(): Promise<void>;
}

/**
 * Serves a network to services in other processes: the phone's page and the control API at `/sandbox`, sessions at
 * `/sandbox/sessions`, and at `/sandbox/double-acts` those that acted twice at once.
 *
 * @param port 0 for a free one; on loopback
 */
export async function serveNetwork(
  network: SandboxNetwork,
  { port, logger }: { port: number; logger: Logger },
): Promise<NetworkService> {
  const host = new SessionHost(network);
  const stopping = new AbortController();
  const server = createServer();
  const url = await listen(server, port);
  const settings = { HOST: '127.0.0.1', APP_BASE_URL: url, CORS_ORIGINS: [] };
  const app = express().disable('x-powered-by').enable('case sensitive routing');
  app.use(trace, dataHeaders, hostGuard(settings), originGuard(settings), pageAssets());
  app.get('/sandbox/double-acts', (_req, res) => void res.json(host.doubleActs));
  const control = {
    network,
    agents: host.agents,
    stopping: stopping.signal,
    forgetInbound: async () => undefined,
  };
  for (const { path, router } of sandboxRouters(control, url)) app.use(path, strictPageHeaders, router);
  app.use(unknownPath, problemHandler(logger));
  server.on('request', app).on('upgrade', (req, socket) => {
    if (req.url !== '/sandbox/sessions' || req.headers.upgrade !== PROTOCOL) return socket.destroy();
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${PROTOCOL}\r\n\r\n`);
    host.take(socket);
  });
  return {
    url,
    host,
    close: async () => {
      stopping.abort();
      host.close();
      network.close();
      await new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      });
    },
  };
}

async function listen(server: Server, port: number): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
