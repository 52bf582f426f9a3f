import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { Busboy } from '@fastify/busboy';

/** A request to transcribe, with its form as a parser of others reads it. */
export interface SttCall {
  method: string;
  path: string;
  authorization: string | undefined;
  contentLength: number;
  fields: Record<string, string>;
  file: { field: string; name: string; type: string; size: number; sha256: string };
}

/** The service's answer: `hang` never answers, `close` disconnects. */
type SttAnswer = { status?: number; body: string } | 'hang' | 'close';

/** An HTTP server in place of a service that turns voice into text. */
export class SttServer {
  readonly calls: SttCall[] = [];
  behave: (call: SttCall) => SttAnswer = () => ({ body: '{"text":"hello"}' });
  readonly #server = createServer((req, res) => void this.#answer(req, res));

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1/audio/transcriptions`;
  }

  async open(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const call = await parse(req);
    this.calls.push(call);
    const answer = this.behave(call);
    if (answer === 'hang') return;
    if (answer === 'close') {
      res.destroy();
      return;
    }
    res.writeHead(answer.status ?? 200, { 'content-type': 'application/json' }).end(answer.body);
  }
}

/** Reads the form of a request; it must have one file. */
async function parse(req: IncomingMessage): Promise<SttCall> {
  const { authorization, 'content-length': length } = req.headers;
  const fields: Record<string, string> = {};
  const files: SttCall['file'][] = [];
  const form = new Busboy({ headers: req.headers as { 'content-type': string } });
  form.on('field', (name, value) => {
    fields[name] = value;
  });
  form.on('file', (field, stream, name, _encoding, type) => {
    const hash = createHash('sha256');
    let size = 0;
    stream.on('data', (chunk: Buffer) => {
      hash.update(chunk);
      size += chunk.length;
    });
    stream.on('end', () => files.push({ field, name, type, size, sha256: hash.digest('hex') }));
  });
  await pipeline(req, form);
  const [file, ...others] = files;
  if (!file || others.length > 0) throw new Error(`The form has ${files.length} files.`);
  const { method = '', url: path = '' } = req;
  return { method, path, authorization, contentLength: Number(length), fields, file };
}
