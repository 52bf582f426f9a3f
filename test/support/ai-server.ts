import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** A request that the AI backend received. */
export interface AiCall {
  path: string;
  authorization: string | undefined;
  traceparent: string | undefined;
  body: Record<string, unknown>;
}

/** The backend's answer: `hang` never answers, `close` disconnects, `flood` sends an endless reply. */
type AiAnswer = { status?: number; body?: unknown } | 'hang' | 'close' | 'flood';
export type AiBehaviour = (call: AiCall) => AiAnswer | Promise<AiAnswer>;

/** An HTTP server in place of the AI backend: records every call and answers as configured. */
export class AiServer {
  readonly calls: AiCall[] = [];
  behave: AiBehaviour = ({ body }) => ({ body: { reply: `AI: ${body.message}` } });
  readonly #server = createServer((req, res) => void this.#answer(req, res));

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async open(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  /** Clears the recorded calls and closes idle connections. */
  rest(): void {
    this.calls.length = 0;
    this.#server.closeIdleConnections();
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk as Buffer);
    const { authorization, traceparent } = req.headers as Record<string, string | undefined>;
    const body = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>;
    const call = { path: req.url ?? '', authorization, traceparent, body };
    this.calls.push(call);
    const answer = await this.behave(call);
    if (answer === 'hang') return;
    if (answer === 'close') {
      res.destroy();
      return;
    }
    if (answer === 'flood') return flood(res);
    res.writeHead(answer.status ?? 200, { 'content-type': 'application/json' });
    res.end(JSON.stringify(answer.body ?? {}));
  }
}

/** Sends a JSON reply that never ends, for as long as it is read. */
async function flood(res: ServerResponse): Promise<void> {
  const endless = Readable.from(
    (function* () {
      yield '{"reply":"';
      for (;;) yield 'x'.repeat(65_536);
    })(),
  );
  res.writeHead(200, { 'content-type': 'application/json' });
  await pipeline(endless, res).catch(() => undefined);
}
