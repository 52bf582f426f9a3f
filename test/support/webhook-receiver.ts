import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';

/** A delivery as it arrived. */
export interface Received {
  id: string;
  body: { id: string; type: string; agentId: string; at: string; sequence: number; data: unknown };
  text: string;
  headers: IncomingMessage['headers'];
}

/** An agent of which nothing is known. */
export const NO_CONTEXT = { account: null, idOfStanza: async () => null };

/** A real HTTP server that takes deliveries; by default it answers 200, and a handshake with its challenge. */
export class WebhookReceiver {
  readonly received: Received[] = [];
  /** How it answers; the request counts as received. */
  answer: (res: ServerResponse, received: Received) => void = (res) => res.end();
  /** How it answers a handshake; null is 403. */
  challenged: (query: Record<string, string>) => string | null = (query) => query['hub.challenge'] ?? null;
  readonly #server: Server;
  readonly #waiting = new Set<() => void>();

  private constructor() {
    this.#server = createServer((req, res) => void this.#take(req, res));
  }

  static async open(port = 0): Promise<WebhookReceiver> {
    const receiver = new WebhookReceiver();
    receiver.#server.listen(port, '127.0.0.1');
    await once(receiver.#server, 'listening');
    return receiver;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get origin(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get sequences(): number[] {
    return this.received.map(({ body }) => body.sequence);
  }

  /** Resolves when this many deliveries have arrived. */
  async arrived(count: number): Promise<Received[]> {
    while (this.received.length < count)
      await new Promise<void>((resolve) => {
        this.#waiting.add(resolve);
      });
    return this.received;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #take(req: IncomingMessage, res: ServerResponse): Promise<void> {
    if (req.method === 'GET') {
      const { searchParams } = new URL(req.url!, this.origin);
      const answer = this.challenged(Object.fromEntries(searchParams));
      res.writeHead(answer === null ? 403 : 200).end(answer);
      return;
    }
    const chunks: Buffer[] = [];
    // A sender that was killed has no delivery.
    const isWhole = await (async () => {
      for await (const chunk of req) chunks.push(chunk as Buffer);
      return true;
    })().catch(() => false);
    if (!isWhole) return;
    const text = Buffer.concat(chunks).toString('utf8');
    const id = String(req.headers['x-webhook-id']);
    const received = { id, text, headers: req.headers, body: JSON.parse(text) as Received['body'] };
    this.received.push(received);
    this.answer(res, received);
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

/** Verifies both signatures as a receiver does. */
export function expectSigned({ text, headers, id, body }: Received, secret: string): void {
  const hmac = (signed: string) => createHmac('sha256', secret).update(signed).digest('hex');
  const timestamp = String(headers['x-webhook-timestamp']);
  expect(headers['x-hub-signature-256']).to.equal(`sha256=${hmac(text)}`);
  expect(headers['x-webhook-signature']).to.equal(`v1=${hmac(`${timestamp}.${text}`)}`);
  expect(Math.abs(Date.now() / 1_000 - Number(timestamp))).to.be.below(60);
  expect(headers['content-type']).to.equal('application/json');
  expect(body.id).to.equal(id);
}
