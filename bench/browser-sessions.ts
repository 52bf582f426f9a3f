import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LaunchOptions } from 'puppeteer';
import library, { type Client } from 'whatsapp-web.js';
import { groupsOf } from '../src/infra/whatsapp/wwebjs/processes.ts';
import type { SandboxNetwork } from '../src/sandbox/network/network.ts';

/** After this long a session that nobody uses has done with starting, ms. */
const SETTLE_MS = 3_000;
const LONELY_MS = 600_000;

/** Memory of all sessions together, bytes: their proportional share of all pages, and of that what files back. */
export interface Footprint {
  pss: number;
  file: number;
}

/** Linked sessions of the bare library, each with a browser and a profile of its own. */
export class BrowserSessions {
  readonly #network: SandboxNetwork;
  readonly #launch: LaunchOptions;
  readonly #dir: string;
  readonly #clients: Client[] = [];

  private constructor(network: SandboxNetwork, launch: LaunchOptions, dir: string) {
    this.#network = network;
    this.#launch = launch;
    this.#dir = dir;
  }

  static async open(network: SandboxNetwork, launch: LaunchOptions): Promise<BrowserSessions> {
    return new BrowserSessions(network, launch, await mkdtemp(join(tmpdir(), 'gateway-bench-')));
  }

  /** One more session; resolves with its client when it is linked and ready. */
  async add(number: string): Promise<Client> {
    const path = join(this.#dir, number);
    const client = new library.Client({
      authStrategy: new library.LocalAuth({ dataPath: path }),
      puppeteer: { ...this.#launch },
      webVersionCache: { type: 'local', path },
    });
    this.#clients.push(client);
    client.on('qr', (qr) => this.#network.scan(qr, number));
    const ready = new Promise((resolve) => client.once('ready', resolve as () => void));
    await client.initialize();
    await ready;
    return client;
  }

  /** What all sessions take once they are at rest, while no other process runs the same program. */
  async footprint(): Promise<Footprint> {
    const leaders = this.#clients.map((client) => client.pupBrowser!.process()!.pid!);
    const until = performance.now() + LONELY_MS;
    await sleep(SETTLE_MS);
    for (;;) {
      const own = [...groupsOf(leaders).values()].flat();
      const isAlone = () => strangersOf(own) === 0;
      if (isAlone()) {
        const size = own.map(sizeOf).reduce((sum, { pss, file }) => ({
          pss: sum.pss + pss,
          file: sum.file + file,
        }));
        if (isAlone()) return size;
      }
      if (performance.now() > until) throw new Error('Other browsers of the same program run all the time.');
      await sleep(SETTLE_MS);
    }
  }

  /** Ends all browsers and deletes their profiles. */
  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.destroy()));
    await rm(this.#dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** The program that a process runs, or null when it has gone. */
function programOf(pid: number): string | null {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return null;
  }
}

/** How many other processes share a browser's program with ours: they would carry a part of its pages. */
function strangersOf(own: readonly number[]): number {
  const programs = new Set(own.map(programOf).filter((path) => path?.includes('chrom')));
  const pids = readdirSync('/proc').map(Number).filter(Number.isInteger);
  return pids.filter((pid) => !own.includes(pid) && programs.has(programOf(pid))).length;
}

/** The footprint of one process. @throws Error where it can't be measured */
function sizeOf(pid: number): Footprint {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const bytes = (field: string) =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(rollup)?.[1]) * 1024;
  return { pss: bytes('Pss'), file: bytes('Pss_File') };
}
