import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg, { type PoolConfig } from 'pg';
import { eventually } from './eventually.ts';
import { freePort } from './free-port.ts';

/** The real pgbouncer on loopback in front of one server, with its defaults except for `settings`. */
export class Pgbouncer {
  readonly port: number;
  readonly #dir: string;
  readonly #process: ChildProcess;

  private constructor(dir: string, port: number, child: ChildProcess) {
    this.#dir = dir;
    this.port = port;
    this.#process = child;
  }

  /** @param server a server with a unix socket in its `host` */
  static async start(program: string, server: PoolConfig, settings: string[] = []): Promise<Pgbouncer> {
    const socketDir = String(server.host);
    // It refuses to run as root, and the socket is for the server's user alone.
    const { uid, gid } = await stat(socketDir);
    const dir = await mkdtemp(join(tmpdir(), 'pgbouncer-'));
    const port = await freePort();
    const file = join(dir, 'pgbouncer.ini');
    const lines = [
      '[databases]',
      `* = host=${socketDir} port=${server.port} user=${server.user}`,
      '[pgbouncer]',
      'listen_addr = 127.0.0.1',
      `listen_port = ${port}`,
      'unix_socket_dir =',
      'auth_type = any',
      ...settings,
    ];
    await writeFile(file, lines.join('\n'));
    await chown(dir, uid, gid);
    await chown(file, uid, gid);
    const child = spawn(program, ['-q', file], { uid, gid, stdio: 'ignore' });
    const pgbouncer = new Pgbouncer(dir, port, child);
    await eventually('pgbouncer to listen', () => pgbouncer.#answers(server));
    return pgbouncer;
  }

  /** The address of a database of the server through it. */
  url(database: string): string {
    return `postgres://postgres@127.0.0.1:${this.port}/${database}`;
  }

  /** True once it accepts clients; throws when it exited. */
  async #answers({ user, database }: PoolConfig): Promise<boolean> {
    if (this.#process.exitCode !== null) throw new Error(`pgbouncer ended with ${this.#process.exitCode}`);
    const client = new pg.Client({ host: '127.0.0.1', port: this.port, user, database });
    client.on('error', () => {});
    return client
      .connect()
      .then(() => true)
      .catch(() => false)
      .finally(() => client.end().catch(() => {}));
  }

  async stop(): Promise<void> {
    const exited = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await exited;
    await rm(this.#dir, { recursive: true, force: true });
  }
}
