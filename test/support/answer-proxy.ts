import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A network path to a server behind a unix socket, at `port` of 127.0.0.1. */
export interface AnswerProxy {
  port: number;
  /** From now on nothing comes back, and nobody is told: connections stay open, what is asked still arrives. */
  mute(): void;
  /** New connections have their answers again; those that were muted stay so, as after a lost route. */
  unmute(): void;
  /** Cuts the clients off; the server is not told of it until the end, as when a host is gone. */
  strand(): void;
  close(): Promise<void>;
}

/** Opens a path that can lose all answers: what a half-open connection looks like. */
export async function openAnswerProxy(socketPath: string): Promise<AnswerProxy> {
  const muted = new Map<Socket, boolean>();
  const stranded = new Set<Socket>();
  const ends: (() => void)[] = [];
  let isMute = false;
  const server = createServer((client) => {
    const upstream = connect(socketPath);
    muted.set(client, isMute);
    for (const socket of [client, upstream]) socket.on('error', () => {});
    client.on('data', (chunk) => upstream.write(chunk));
    upstream.on('data', (chunk) => muted.get(client) || client.write(chunk));
    client.on('close', () => {
      if (stranded.has(client)) ends.push(() => upstream.destroy());
      else upstream.destroy();
      muted.delete(client);
    });
    upstream.on('close', () => muted.get(client) || client.destroy());
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    mute: () => {
      isMute = true;
      for (const client of muted.keys()) muted.set(client, true);
    },
    unmute: () => {
      isMute = false;
    },
    strand: () => {
      for (const client of muted.keys()) {
        stranded.add(client);
        client.destroy();
      }
    },
    close: async () => {
      for (const end of ends) end();
      for (const client of muted.keys()) client.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
