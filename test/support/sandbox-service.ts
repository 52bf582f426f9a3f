import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UNLIMITED } from './fixtures.ts';
import { SandboxApi } from './sandbox-api.ts';
import { type ServiceProcess, startProcess } from './service-process.ts';

/**
 * The service as its own process on the simulated network, with all its files in a folder that outlives it: kill it,
 * start it again, and ask the network which messages it received.
 */
export class SandboxService extends SandboxApi {
  readonly dir: string;
  readonly #env: Record<string, string>;
  readonly #door: boolean;
  #process: ServiceProcess | null = null;
  #url = '';

  private constructor(dir: string, env: Record<string, string>, door: boolean) {
    super();
    this.dir = dir;
    this.#env = env;
    this.#door = door;
  }

  /** `door` opens the process to the test (service-door.ts). */
  static async create(env: Record<string, string> = {}, { door = false } = {}): Promise<SandboxService> {
    return new SandboxService(await realpath(await mkdtemp(join(tmpdir(), 'gateway-'))), env, door);
  }

  /** Starts the process without waiting for it. */
  launch(env: Record<string, string> = {}): ServiceProcess {
    const settings = {
      WHATSAPP_DRIVER: 'sandbox',
      DATA_DIR: join(this.dir, 'data'),
      TEMP_DIR: join(this.dir, 'temp'),
      ...UNLIMITED,
      MAILBOX_CAPACITY: '10000',
    };
    this.#process = startProcess({ ...settings, ...this.#env, ...env }, this.#door);
    return this.#process;
  }

  /** Starts the process and waits until it is ready. */
  async up(env: Record<string, string> = {}): Promise<ServiceProcess> {
    const started = this.launch(env);
    this.#url = await started.url();
    return started;
  }

  get url(): string {
    return this.#url;
  }

  /** The newest process. */
  get running(): ServiceProcess {
    if (!this.#process) throw new Error('The service was never started');
    return this.#process;
  }

  /** Kills the process and deletes the folder. */
  async close(): Promise<void> {
    const running = this.#process?.child;
    if (running && running.exitCode === null && running.signalCode === null)
      await this.#process!.end('SIGTERM');
    await rm(this.dir, { recursive: true, force: true, maxRetries: 5 });
  }
}
