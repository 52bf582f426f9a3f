import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';

/** What webhooks of the suites are signed and verified with. */
export const APP_SECRET = 'the-secret-of-the-app';
export const VERIFY_TOKEN = 'a-token';

/** How a client takes webhooks. */
export interface CloudReceiver {
  /** The answer to a handshake; it throws for a wrong one. */
  challenge(query: Record<string, string>): string | Promise<string>;
  /** Takes a delivery; it throws for one that is not genuine. */
  deliver(body: string, headers: Record<string, string>): unknown;
}

/** Serves receivers by their paths, such as `/bot`, on a port of this machine; what one throws is answered with 500. */
export async function serveReceivers(receivers: Map<string, CloudReceiver>, port: number) {
  const server = createServer(async (req, res) => {
    const { pathname, searchParams } = new URL(req.url!, 'http://localhost');
    const receiver = receivers.get(pathname)!;
    try {
      if (req.method === 'GET') {
        res.end(await receiver.challenge(Object.fromEntries(searchParams)));
        return;
      }
      await receiver.deliver(await text(req), req.headers as Record<string, string>);
      res.end();
    } catch (error) {
      res.writeHead(500).end(String(error));
    }
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
