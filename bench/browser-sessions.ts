import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LaunchOptions } from 'puppeteer';
import library, { type Client } from 'whatsapp-web.js';
import { groupsOf } from '../src/infra/whatsapp/wwebjs/processes.ts';
import type { SandboxNetwork } from '../src/sandbox/network/network.ts';

/** Time after which an idle session has finished starting, ms. */
const SETTLE_MS = 3_000;
const LONELY_MS = 600_000;

/** Memory of all sessions, bytes: proportional share (PSS), and its file-backed part. */
export interface Footprint {
  pss: number;
  file: number;
}

/** Linked sessions of the bare library, each with its own browser and profile. */
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

  /** Adds a session; resolves with its client when it is linked and ready. */
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

  /** Memory of all idle sessions, measured while no other process runs the same program. */
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
      if (performance.now() > until) throw new Error('Other browsers of the same program are running.');
      await sleep(SETTLE_MS);
    }
  }

  /** Closes all browsers and deletes their profiles. */
  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.destroy()));
    await rm(this.#dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** The program of a process; null when it has exited. */
function programOf(pid: number): string | null {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return null;
  }
}

/** Number of other processes that run the same program, which would share its pages. */
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
