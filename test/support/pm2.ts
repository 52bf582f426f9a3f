import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readFile, realpath, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { UNLIMITED } from './fixtures.ts';
import { freePort } from './free-port.ts';
import { SandboxApi } from './sandbox-api.ts';

const PROJECT = fileURLToPath(new URL('../../', import.meta.url));
const NAME = 'whatsapp-gateway';

/** A process in pm2's list. */
export interface Pm2Process {
  pid: number;
  status: string;
  restarts: number;
  exitCode: number | undefined;
  /** The file with its stderr. */
  errorFile: string;
}

/** The parts of `pm2 jlist` that are read. */
interface Listed {
  name: string;
  pid: number;
  pm2_env: { status: string; restart_time: number; exit_code?: number; pm_err_log_path: string };
}

/** The real pm2 with its own daemon, which `kill` stops. */
export class Pm2 {
  readonly #program: string;
  readonly #home: string;

  private constructor(program: string, home: string) {
    this.#program = program;
    this.#home = home;
  }

  static async create(program: string): Promise<Pm2> {
    return new Pm2(program, await realpath(await mkdtemp(join(tmpdir(), 'pm2-'))));
  }

  /** Runs one command with only this environment; returns its output. */
  async run(args: string[], env: Record<string, string> = {}): Promise<string> {
    const { PATH = '' } = process.env;
    const { stdout } = await promisify(execFile)(this.#program, args, {
      cwd: this.#home,
      env: { PATH, HOME: this.#home, PM2_HOME: this.#home, ...env },
    });
    return stdout;
  }

  /** The process of this name, or undefined. */
  async find(name = NAME): Promise<Pm2Process | undefined> {
    const listed = JSON.parse(await this.run(['jlist', '--silent'])) as Listed[];
    const found = listed.find((each) => each.name === name);
    if (!found) return undefined;
    const { status, restart_time: restarts, exit_code: exitCode, pm_err_log_path: errorFile } = found.pm2_env;
    return { pid: found.pid, status, restarts, exitCode, errorFile };
  }

  /** The exits of the service's processes in pm2's log: `code [0] via signal [SIGINT]`. */
  async exits(): Promise<string[]> {
    const log = await readFile(join(this.#home, 'pm2.log'), 'utf8');
    return [...log.matchAll(new RegExp(`${NAME}:\\d+\\] exited with (.*)`, 'g'))].map((match) => match[1]!);
  }

  /** Deletes the service. */
  async forget(): Promise<void> {
    await this.run(['delete', NAME]).catch(() => undefined);
  }

  /** Stops the daemon and its processes. */
  async kill(): Promise<void> {
    await this.run(['kill']);
    await rm(this.#home, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** The service as an operator installs it for pm2: the shipped file, the built code, a folder for its data. */
export class Deployment extends SandboxApi {
  readonly dir: string;
  readonly url: string;
  readonly #pm2: Pm2;
  readonly #env: Record<string, string>;

  private constructor(pm2: Pm2, dir: string, env: Record<string, string>) {
    super();
    this.#pm2 = pm2;
    this.dir = dir;
    this.#env = env;
    this.url = `http://127.0.0.1:${env.PORT}`;
  }

  static async create(pm2: Pm2, env: Record<string, string> = {}): Promise<Deployment> {
    const dir = await realpath(await mkdtemp(join(tmpdir(), 'deployment-')));
    for (const file of ['package.json', 'ecosystem.config.js'])
      await copyFile(join(PROJECT, file), join(dir, file));
    for (const folder of ['dist', 'node_modules']) await symlink(join(PROJECT, folder), join(dir, folder));
    await mkdir(join(dir, 'temp'));
    return new Deployment(pm2, dir, {
      PORT: String(await freePort()),
      TEMP_DIR: join(dir, 'temp'),
      ...UNLIMITED,
      ...env,
    });
  }

  /** `pm2 start` on the simulated network, or in the file's `mode`; returns the output. */
  start(env: Record<string, string> = {}, mode = 'sandbox'): Promise<string> {
    const file = join(this.dir, 'ecosystem.config.js');
    return this.#pm2.run(['start', file, '--env', mode], { ...this.#env, ...env });
  }

  /** Stops the service and deletes its folder. */
  async close(): Promise<void> {
    await this.#pm2.forget();
    await rm(this.dir, { recursive: true, force: true, maxRetries: 5 });
  }
}
