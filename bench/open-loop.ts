import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Request } from 'autocannon';

/** A response: its status, and its latency, ms. */
export interface Answer {
  status: number;
  ms: number;
}

/** The bytes of a request on a keep-alive connection. */
function bytesOf({ method, path, headers, body }: Request): Buffer {
  const lines = Object.entries({
    host: '127.0.0.1',
    ...headers,
    'content-length': Buffer.byteLength(body),
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`);
}

/** A connection is not used after this idle time: the service sends `Keep-Alive: timeout=5`. */
const IDLE_MS = 4_000;

/** A connection for one request at a time; Node's own client would cost as much as the server. */
class Connection {
  readonly #socket: Socket;
  #answered: ((status: number) => void) | null = null;
  #text = '';
  #usedAt = performance.now();

  constructor(url: URL, onClose: () => void) {
    this.#socket = connect(Number(url.port), url.hostname).setNoDelay().setEncoding('latin1');
    this.#socket.on('data', (chunk: string) => this.#take(chunk));
    this.#socket.on('error', () => {});
    this.#socket.on('close', () => {
      onClose();
      this.#answered?.(0);
    });
  }

  /** False when the server has closed it, or is about to because it is idle. */
  get isFit(): boolean {
    return this.#socket.writable && performance.now() - this.#usedAt < IDLE_MS;
  }

  /** Sends a request; resolves with the status after the whole response, 0 when the connection broke. */
  send(request: Buffer): Promise<number> {
    this.#usedAt = performance.now();
    this.#socket.write(request);
    return new Promise((resolve) => {
      this.#answered = resolve;
    });
  }

  /** Closes the connection. */
  close(): void {
    this.#socket.destroy();
  }

  /** Reads a piece of a response; every response has a `Content-Length`. */
  #take(chunk: string): void {
    this.#text += chunk;
    const end = this.#text.indexOf('\r\n\r\n');
    if (end < 0) return;
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(this.#text)![1]);
    if (this.#text.length < end + 4 + length) return;
    const status = Number(this.#text.slice(9, 12));
    this.#text = '';
    this.#answered?.(status);
    this.#answered = null;
  }
}

/** Sends requests at a steady rate, independent of the responses, until all connections are busy. */
export class OpenLoop {
  readonly #url: URL;
  readonly #requests: Buffer[];
  readonly #most: number;
  #free: Connection[] = [];
  #open = 0;
  #next = 0;

  constructor(url: string, requests: Request[], mostConnections: number) {
    this.#url = new URL(url);
    this.#requests = requests.map(bytesOf);
    this.#most = mostConnections;
  }

  /** Offers `perSecond` requests a second, evenly; resolves with all responses. */
  async run(perSecond: number, seconds: number): Promise<Answer[]> {
    const answers: Answer[] = [];
    let underWay = 0;
    const startedAt = performance.now();
    const elapsed = () => (performance.now() - startedAt) / 1_000;
    for (let sent = 0; elapsed() < seconds; await sleep(1)) {
      for (const due = elapsed() * perSecond; sent < due; sent += 1) {
        const connection = this.#take();
        // A request without a free connection is dropped.
        if (!connection) continue;
        underWay += 1;
        void this.#send(connection).then((answer) => {
          underWay -= 1;
          answers.push(answer);
        });
      }
    }
    while (underWay > 0) await sleep(1);
    return answers;
  }

  /** Closes the idle connections. */
  close(): void {
    for (const connection of this.#free) connection.close();
    this.#free = [];
  }

  /** A free or new connection; null when all are busy. */
  #take(): Connection | null {
    for (let free = this.#free.pop(); free; free = this.#free.pop()) {
      if (free.isFit) return free;
      free.close();
    }
    if (this.#open === this.#most) return null;
    this.#open += 1;
    return new Connection(this.#url, () => {
      this.#open -= 1;
    });
  }

  /** Sends the next request in turn; the connection is free again after the answer. */
  async #send(connection: Connection): Promise<Answer> {
    const request = this.#requests[this.#next % this.#requests.length]!;
    this.#next += 1;
    const sentAt = performance.now();
    const status = await connection.send(request);
    if (status !== 0) this.#free.push(connection);
    return { status, ms: performance.now() - sentAt };
  }
}
