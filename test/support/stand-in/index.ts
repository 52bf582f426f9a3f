import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import type { SandboxNetwork } from '../../../src/infra/whatsapp/sandbox/network.ts';
import { StandInServer } from './server.ts';

/** A running stand-in of https://web.whatsapp.com. */
export interface StandIn {
  /** What Chromium has to be started with to take it for the real one; any other host isn't found. */
  chromiumArgs: string[];
  /** Ends all connections and closes the devices of all pages. */
  close(): Promise<void>;
}

/**
 * Starts an HTTPS server on 127.0.0.1 whose page is enough of WhatsApp Web for the unmodified whatsapp-web.js,
 * and which links to `network`: each page load is one device there.
 */
export async function startStandIn(network: SandboxNetwork): Promise<StandIn> {
  const [key, cert] = await Promise.all(
    ['key.pem', 'cert.pem'].map((name) => readFile(new URL(name, import.meta.url))),
  );
  const server = new StandInServer(network, { key: key!, cert: cert! });
  const { port } = (await server.listen()) as AddressInfo;
  return {
    chromiumArgs: [
      `--host-resolver-rules=MAP web.whatsapp.com 127.0.0.1:${port}, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1`,
      '--ignore-certificate-errors',
    ],
    close: () => server.close(),
  };
}
