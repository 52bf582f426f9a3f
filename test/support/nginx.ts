import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from './eventually.ts';
import { freePort } from './free-port.ts';

const SHIPPED = new URL('../../docs/nginx.conf', import.meta.url);
/** A certificate for any name will do: the tests don't check it. */
const CERTIFICATES = fileURLToPath(new URL('./stand-in/', import.meta.url));
const TEMPORARY = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];

/** The machine's addresses and files; all else is as shipped. */
function localised(shipped: string, ports: { http: number; https: number }, gateway: string): string {
  const changes: [string, string][] = [
    ['server 127.0.0.1:3000;', `server ${gateway};`],
    ['listen 80;', `listen 127.0.0.1:${ports.http};`],
    ['listen 443 ssl;', `listen 127.0.0.1:${ports.https} ssl;`],
    ['/etc/letsencrypt/live/gateway.example.com/fullchain.pem', `${CERTIFICATES}cert.pem`],
    ['/etc/letsencrypt/live/gateway.example.com/privkey.pem', `${CERTIFICATES}key.pem`],
  ];
  return changes.reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`docs/nginx.conf no longer has: ${from}`);
    return text.replace(from, to);
  }, shipped);
}

/** The real nginx with the shipped configuration, on loopback and with its files in its own folder. */
export class Nginx {
  readonly ports: { http: number; https: number };
  readonly #dir: string;
  readonly #process: ChildProcess;

  private constructor(dir: string, ports: { http: number; https: number }, child: ChildProcess) {
    this.#dir = dir;
    this.ports = ports;
    this.#process = child;
  }

  /** @param gateway `host:port` of the service behind it */
  static async start(program: string, gateway: string): Promise<Nginx> {
    const dir = await mkdtemp(join(tmpdir(), 'nginx-'));
    const ports = { http: await freePort(), https: await freePort() };
    await writeFile(join(dir, 'site.conf'), localised(await readFile(SHIPPED, 'utf8'), ports, gateway));
    const paths = TEMPORARY.map((name) => `${name}_temp_path ${dir}/${name};`).join(' ');
    // Without the service's hint to nginx, so that the file itself must pass events on.
    await writeFile(
      join(dir, 'nginx.conf'),
      `daemon off; master_process off; pid ${dir}/pid; error_log ${dir}/error.log; events {}
       http { access_log off; proxy_ignore_headers X-Accel-Buffering; ${paths} include ${dir}/site.conf; }`,
    );
    const args = ['-p', dir, '-e', join(dir, 'error.log'), '-c', join(dir, 'nginx.conf')];
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
    const nginx = new Nginx(dir, ports, child);
    await eventually('nginx to listen', () => nginx.#listens());
    return nginx;
  }

  /** True once it accepts connections; throws when it exited. */
  async #listens(): Promise<boolean> {
    if (this.#process.exitCode !== null) throw new Error(`nginx ended with ${this.#process.exitCode}`);
    const socket = connect(this.ports.https, '127.0.0.1');
    const outcome = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'close').then(() => false),
    ]).catch(() => false);
    socket.destroy();
    return outcome;
  }

  async stop(): Promise<void> {
    const exited = once(this.#process, 'exit');
    this.#process.kill('SIGTERM');
    await exited;
    await rm(this.#dir, { recursive: true, force: true });
  }
}
