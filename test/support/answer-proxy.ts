import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A network path to a server behind a unix socket, at `port` of 127.0.0.1. */
export interface AnswerProxy {
  port: number;
  /** Drops all answers from now on: connections stay open, and requests still arrive. */
  dropAnswers(): void;
  /** Passes the answers of new connections; older ones stay half-open, as after a lost route. */
  passAnswers(): void;
  /** Disconnects the clients; the server is not notified before the close, as when a host is gone. */
  strand(): void;
  close(): Promise<void>;
}

/** Opens a path whose connections can become half-open. */
export async function openAnswerProxy(socketPath: string): Promise<AnswerProxy> {
  /** True for clients whose answers are dropped. */
  const dropping = new Map<Socket, boolean>();
  const stranded = new Set<Socket>();
  const ends: (() => void)[] = [];
  let dropsNew = false;
  const server = createServer((client) => {
    const upstream = connect(socketPath);
    dropping.set(client, dropsNew);
    for (const socket of [client, upstream]) socket.on('error', () => {});
    client.on('data', (chunk) => upstream.write(chunk));
    upstream.on('data', (chunk) => dropping.get(client) || client.write(chunk));
    client.on('close', () => {
      if (stranded.has(client)) ends.push(() => upstream.destroy());
      else upstream.destroy();
      dropping.delete(client);
    });
    upstream.on('close', () => dropping.get(client) || client.destroy());
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    dropAnswers: () => {
      dropsNew = true;
      for (const client of dropping.keys()) dropping.set(client, true);
    },
    passAnswers: () => {
      dropsNew = false;
    },
    strand: () => {
      for (const client of dropping.keys()) {
        stranded.add(client);
        client.destroy();
      }
    },
    close: async () => {
      for (const end of ends) end();
      for (const client of dropping.keys()) client.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
