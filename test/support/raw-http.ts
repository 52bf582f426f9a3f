import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import type { Ask, Reply } from './http-harness.ts';

const agent = new Agent({ keepAlive: true, maxSockets: 4 });
after(() => agent.destroy());

/** One request whose path goes out exactly as written: `fetch` would tidy it up first. */
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
  // A refused body is not read to its end: the answer is there before the last of it is gone.
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

/** Bytes as they are, and all that comes back until the server closes or `done` is satisfied. */
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
