import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { z } from 'zod';

const request = z.looseObject({ message: z.string() });

function listen(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
}

/**
 * Starts the sandbox's AI: a real HTTP server on loopback that answers `POST /agents/{id}/run` with
 * `{reply: "You said: …"}`; anything else is 400 or 404. `url` is for `AI_BACKEND_URL`.
 */
export async function startEchoAi(): Promise<{ url: string; close: () => Promise<void> }> {
  const app = express().disable('x-powered-by');
  app.post('/agents/:agentId/run', express.json({ limit: '1mb' }), (req, res) => {
    const parsed = request.safeParse(req.body);
    if (parsed.success) res.json({ reply: `You said: ${parsed.data.message}` });
    else res.status(400).json({ error: 'message is missing' });
  });
  const server = createServer(app);
  await listen(server);
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
