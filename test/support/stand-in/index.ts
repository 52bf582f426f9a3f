import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import type { SandboxNetwork } from '../../../src/sandbox/network/network.ts';
import { EDITIONS, type Edition, type Switches } from './editions.ts';
import { StandInServer } from './server.ts';

/** Which WhatsApp Web it is. */
export interface StandInOptions {
  /** `2026-04` by default. */
  edition?: Edition;
  /** Everyone is addressed by LID instead of by number. */
  lidForAll?: boolean;
  /** Differences from the edition. */
  switches?: Partial<Switches>;
}

/** A running stand-in of https://web.whatsapp.com. */
export interface StandIn {
  /** What Chromium has to be started with to take it for the real one; any other host isn't found. */
  chromiumArgs: string[];
  /** Changes switches: for pages that load from now on, and for open ones as far as a page can change. */
  set(switches: Partial<Switches>): void;
  /** Ends all connections and closes the devices of all pages. */
  close(): Promise<void>;
}

/**
 * Starts an HTTPS server on 127.0.0.1 whose page is enough of WhatsApp Web for the unmodified whatsapp-web.js,
 * and which links to `network`: each page load is one device there.
 */
export async function startStandIn(network: SandboxNetwork, options: StandInOptions = {}): Promise<StandIn> {
  const [key, cert] = await Promise.all(
    ['key.pem', 'cert.pem'].map((name) => readFile(new URL(name, import.meta.url))),
  );
  const switches = { ...EDITIONS[options.edition ?? '2026-04'], ...options.switches };
  if (options.lidForAll) network.configure({ lidForAll: true });
  const server = new StandInServer(network, { key: key!, cert: cert! }, switches);
  const { port } = (await server.listen()) as AddressInfo;
  return {
    chromiumArgs: [
      `--host-resolver-rules=MAP web.whatsapp.com 127.0.0.1:${port}, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1`,
      '--ignore-certificate-errors',
    ],
    set: (changes) => server.set(changes),
    close: () => server.close(),
  };
}
