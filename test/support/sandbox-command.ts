import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from './eventually.ts';
import { childrenOf } from './processes.ts';
import { SandboxApi } from './sandbox-api.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Prints each imported module of a WhatsApp driver to stderr. */
const WITNESS = `export async function resolve(specifier, context, next) {
  const found = await next(specifier, context);
  if (/whatsapp-web|puppeteer|\\/wwebjs\\/|sandbox-driver/.test(found.url))
    process.stderr.write('IMPORTED ' + found.url + '\\n');
  return found;
}`;

/** A script as an option value without spaces. */
const asUrl = (script: string) => `data:text/javascript,${encodeURIComponent(script)}`;

/** `npm run sandbox` as a person runs it, but on a free port and in its own folder. */
export class SandboxCommand extends SandboxApi {
  readonly dir: string;
  readonly #child: ChildProcess;
  #stdout = '';
  #stderr = '';

  private constructor(dir: string, root: string) {
    super();
    this.dir = dir;
    const { PATH = '', HOME = '' } = process.env;
    const watch = `import { register } from 'node:module'; register(${JSON.stringify(asUrl(WITNESS))});`;
    this.#child = spawn('npm', ['run', '-s', 'sandbox'], {
      cwd: root,
      env: {
        PATH,
        HOME,
        PORT: '0',
        DATA_DIR: join(dir, 'data'),
        TEMP_DIR: join(dir, 'temp'),
        NODE_OPTIONS: `--import=${asUrl(watch)}`,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.stdout!.on('data', (chunk: Buffer) => {
      this.#stdout += chunk.toString();
    });
    this.#child.stderr!.on('data', (chunk: Buffer) => {
      this.#stderr += chunk.toString();
    });
  }

  /** Starts it in this or another checkout and waits for its welcome. */
  static async start(root = ROOT): Promise<SandboxCommand> {
    const command = new SandboxCommand(await realpath(await mkdtemp(join(tmpdir(), 'gateway-'))), root);
    await eventually(
      'the first cURL to be printed',
      () => {
        if (command.#child.exitCode !== null) throw new Error(`It ended: ${command.#stderr}`);
        return /^curl .*(\\\n.*)+$/m.test(command.#stderr);
      },
      120_000,
    );
    return command;
  }

  /** The first printed cURL. */
  get firstCommand(): string {
    return /^curl (.*\\\n)+.*$/m.exec(this.#stderr)![0];
  }

  get url(): string {
    return /"url":"([^"]+)"/.exec(this.#stdout)![1]!;
  }

  /** The text for people, on stderr. */
  get words(): string {
    return this.#stderr;
  }

  /** The log on stdout, one object per line. */
  get log(): Record<string, unknown>[] {
    return this.#stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  /** The ids of npm and its child processes; none without /proc (macOS). */
  processes(): number[] {
    const found = [this.#child.pid!];
    for (const pid of found) found.push(...childrenOf(pid));
    return found;
  }

  /** Stops it as Ctrl+C does, waits for its exit and deletes its folder. */
  async close(): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGINT');
    await exited;
    await rm(this.dir, { recursive: true, force: true, maxRetries: 5 });
  }
}
