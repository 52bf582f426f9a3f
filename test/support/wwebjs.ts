import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { WhatsAppClient, WhatsAppClientEvents } from '../../src/actors/domain/ports/whatsapp.ts';
import type { ClientDeadlines } from '../../src/infra/whatsapp/wwebjs/client.ts';
import { WwebjsDriver, type WwebjsOptions } from '../../src/infra/whatsapp/wwebjs/driver.ts';
import { SandboxNetwork } from '../../src/sandbox/network/network.ts';
import { type StandIn, type StandInOptions, startStandIn } from './stand-in/index.ts';

/** The real driver's surroundings: a network, the stand-in of its page, and a folder for profiles. */
export class WwebjsWorld {
  readonly network: SandboxNetwork;
  readonly faults: { where: string; error: unknown }[] = [];
  readonly authDir: string;
  readonly standIn: StandIn;
  readonly #executablePath: string;

  private constructor(executablePath: string, authDir: string, network: SandboxNetwork, standIn: StandIn) {
    this.#executablePath = executablePath;
    this.authDir = authDir;
    this.network = network;
    this.standIn = standIn;
  }

  /** Starts one whose page has the given edition. */
  static async open(executablePath: string, page: StandInOptions = {}): Promise<WwebjsWorld> {
    const network = new SandboxNetwork();
    const authDir = await mkdtemp(join(tmpdir(), 'auth-'));
    return new WwebjsWorld(executablePath, authDir, network, await startStandIn(network, page));
  }

  /** Options of a driver whose Chromium opens the stand-in; faults are added to `faults`. */
  get options(): WwebjsOptions & { executablePath: string } {
    return {
      authDir: this.authDir,
      executablePath: this.#executablePath,
      extraArgs: this.standIn.chromiumArgs,
      sandbox: 'auto',
      sendTimeoutMs: 10_000,
      environment: { PATH: process.env.PATH ?? '', HOME: this.authDir },
      onFault: (where, error) => this.faults.push({ where, error }),
      onNotice: () => undefined,
    };
  }

  driver(deadlines: Partial<ClientDeadlines> = {}, options: Partial<WwebjsOptions> = {}): WwebjsDriver {
    return new WwebjsDriver({ ...this.options, ...options, deadlines });
  }

  /** Links a client by scanning its QR; resolves when it is ready. */
  async link(client: WhatsAppClient, number: string): Promise<void> {
    const [qr] = await Promise.all([next(client, 'qr'), client.start()]);
    const ready = next(client, 'ready');
    this.network.scan(qr, number);
    await ready;
  }

  /** Chromium's profile of an agent. */
  profileOf(agentId: string): string {
    return join(this.authDir, agentId, 'session');
  }

  async close(): Promise<void> {
    await this.standIn.close();
    this.network.close();
    await rm(this.authDir, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** The next payload of a client's event. */
export function next<Name extends keyof WhatsAppClientEvents>(
  client: WhatsAppClient,
  name: Name,
): Promise<Parameters<WhatsAppClientEvents[Name]>[0]> {
  return new Promise((resolve) => client.events.once(name, resolve as never));
}
