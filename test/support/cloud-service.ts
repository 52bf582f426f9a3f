import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import type { SandboxNetwork } from '../../src/sandbox/network/network.ts';
import type { ChatMessage } from '../../src/sandbox/network/types.ts';
import { callApi } from './api.ts';
import { APP_SECRET, type CloudReceiver, serveReceivers, VERIFY_TOKEN } from './cloud-receivers.ts';
import { eventually } from './eventually.ts';
import { BEARER, BOT, BOT_CHAT, CUSTOMER, UNLIMITED } from './fixtures.ts';
import { freePort } from './free-port.ts';
import { linkAgent } from './link-agent.ts';
import type { TestDatabase } from './postgres.ts';
import { type Service, startService } from './service.ts';
import type { StandIn } from './stand-in/index.ts';

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

/** Starts the service, on the sandbox unless a stand-in page is given; its links lead to where it listens. */
export async function startCloudService(
  database: TestDatabase,
  page?: { network: SandboxNetwork; standIn: StandIn },
): Promise<CloudService> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const env = { ...UNLIMITED, PORT: String(port), APP_BASE_URL: url };
  const service = await startService(database, { env, ...page });
  const { receiver: origin } = service;
  const receivers = new Map<string, CloudReceiver>();
  const server = await serveReceivers(receivers, Number(new URL(origin).port));
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
      await server.close();
    },
  };
}
