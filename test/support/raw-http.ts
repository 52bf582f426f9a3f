import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import type { Ask, Reply } from './http-harness.ts';

const agent = new Agent({ keepAlive: true, maxSockets: 4 });
after(() => agent.destroy());

/** One request with the path exactly as written; `fetch` would normalize it. */
export async function askRaw(
  base: string,
  path: string,
  { method = 'GET', headers = {}, key, json, body }: Ask,
): Promise<Reply> {
  const content = json === undefined ? body : JSON.stringify(json);
  const { hostname, port } = new URL(base);
  const sent = request({
    agent,
    hostname,
    port,
    path,
    method,
    headers: {
      ...(key && { authorization: `Bearer ${key}` }),
      ...(content !== undefined && { 'content-type': 'application/json' }),
      ...(content !== undefined &&
        !('transfer-encoding' in headers) && { 'content-length': String(Buffer.byteLength(content)) }),
      ...headers,
    },
  });
  // A refused body is not read to the end, so the answer may arrive before it is sent.
  const answered = once(sent, 'response') as Promise<[IncomingMessage]>;
  sent.end(content);
  const [response] = await answered;
  sent.on('error', () => {});
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString('utf8');
  const isJson = response.headers['content-type']?.startsWith('application/json') && text !== '';
  return {
    status: response.statusCode ?? 0,
    headers: new Headers(Object.entries(response.headers).map(([name, value]) => [name, String(value)])),
    text,
    body: isJson ? JSON.parse(text) : {},
  };
}

/** Sends bytes unchanged; returns the answer up to the server's close or until `done` is true. */
export async function sendBytes(
  base: string,
  bytes: string | Buffer,
  done: (text: string) => boolean = () => false,
): Promise<string> {
  const { hostname, port } = new URL(base);
  const socket = connect(Number(port), hostname);
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
    if (done(text)) socket.destroy();
  });
  socket.on('error', () => {});
  socket.write(bytes);
  await once(socket, 'close');
  return text;
}
