import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import type { ChatMessage } from '../../src/sandbox/network/types.ts';
import { callApi } from './api.ts';
import { eventually } from './eventually.ts';
import { BEARER, BOT, BOT_CHAT, CUSTOMER, UNLIMITED } from './fixtures.ts';
import { freePort } from './free-port.ts';
import { linkAgent } from './link-agent.ts';
import type { TestDatabase } from './postgres.ts';
import { type Service, startService } from './service.ts';

/** The agent of the suites: the id of their phone number. */
export const NUMBER_ID = 'shop';

/** A file of the examples. */
const example = (name: string) =>
  new Uint8Array(readFileSync(new URL(`../../examples/media/${name}`, import.meta.url)));

/** One file for each kind of message, with its media type. */
export const MEDIA = {
  image: [example('photo.jpg'), 'image/jpeg'],
  video: [example('clip.mp4'), 'video/mp4'],
  audio: [example('song.mp3'), 'audio/mpeg'],
  voice: [example('voice.ogg'), 'audio/ogg'],
  document: [example('prices.pdf'), 'application/pdf'],
  sticker: [example('sticker.webp'), 'image/webp'],
} as const;

export const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** A service with a linked agent, for clients that others made. */
export interface CloudService {
  service: Service;
  /** The base URL of the Cloud API, without a version. */
  api: string;
  /** The message of a `wamid.…` as the customer's phone has it. */
  arrived(wamid: string | undefined): Promise<ChatMessage>;
  /** Creates a webhook of the format `cloud` that leads to a client, and expects its handshake to succeed. */
  subscribe(name: string, receiver: CloudReceiver): Promise<void>;
  close(): Promise<void>;
}

/** How a client takes webhooks. */
export interface CloudReceiver {
  /** The answer to a handshake; it throws for a wrong one. */
  challenge(query: Record<string, string>): string | Promise<string>;
  /** Takes a delivery; it throws for one that is not genuine. */
  deliver(body: string, headers: Record<string, string>): unknown;
}

/** What webhooks of the suites are signed and verified with. */
export const APP_SECRET = 'the-secret-of-the-app';
export const VERIFY_TOKEN = 'a-token';

/** Serves the receivers by their paths; what one throws is 500, and is kept. */
async function receiverServer(receivers: Map<string, CloudReceiver>) {
  const server = createServer(async (req, res) => {
    const { pathname, searchParams } = new URL(req.url!, 'http://localhost');
    const receiver = receivers.get(pathname)!;
    try {
      if (req.method === 'GET')
        return void res.end(await receiver.challenge(Object.fromEntries(searchParams)));
      await receiver.deliver(await text(req), req.headers as Record<string, string>);
      res.end();
    } catch (error) {
      res.writeHead(500).end(String(error));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { server, origin: `http://127.0.0.1:${port}` };
}

/** Starts the service on the sandbox; its links lead to where it listens. */
export async function startCloudService(database: TestDatabase): Promise<CloudService> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const receivers = new Map<string, CloudReceiver>();
  const { server, origin } = await receiverServer(receivers);
  const env = { PORT: String(port), APP_BASE_URL: url, WEBHOOK_ALLOWED_ORIGINS: origin };
  const service = await startService(database, { env: { ...UNLIMITED, ...env } });
  await linkAgent(service, NUMBER_ID, BOT);
  // The bots answer, not the AI.
  await callApi(url, 'PATCH', `/agents/${NUMBER_ID}/settings`, { inboundTypes: [] }, BEARER);
  return {
    service,
    api: `${url}/cloud`,
    arrived: async (wamid) => {
      const id = Buffer.from(String(wamid).replace('wamid.', ''), 'base64').toString();
      const { rows } = await service.pool.query('select stanza_id from gateway_message where id = $1', [id]);
      return eventually(`message ${id} to arrive`, () =>
        service.network.messages(CUSTOMER, BOT_CHAT).find(({ stanzaId }) => stanzaId === rows[0]?.stanza_id),
      );
    },
    subscribe: async (name, receiver) => {
      receivers.set(`/${name}`, receiver);
      const secrets = { secret: APP_SECRET, verifyToken: VERIFY_TOKEN };
      const webhook = { format: 'cloud', url: `${origin}/${name}`, events: ['*'], ...secrets };
      const { body } = await callApi(url, 'POST', `/agents/${NUMBER_ID}/webhooks`, webhook, BEARER);
      expect(body, JSON.stringify(body)).to.have.property('verified', true);
    },
    close: async () => {
      await service.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
