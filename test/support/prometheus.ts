import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './eventually.ts';
import { freePort } from './free-port.ts';

/** Options of the real Prometheus. */
export interface PrometheusOptions {
  /** The program. */
  path: string;
  /** `host:port` to scrape, as the job `whatsapp-gateway`. */
  target: string;
  /** Files of alert rules. */
  rules: string[];
}

/** A real Prometheus on loopback that writes into its own folder. */
export class Prometheus {
  readonly #child: ChildProcess;
  readonly #dir: string;
  readonly #url: string;

  private constructor(child: ChildProcess, dir: string, url: string) {
    this.#child = child;
    this.#dir = dir;
    this.#url = url;
  }

  /** Starts it; resolves once it has scraped the target. */
  static async start({ path, target, rules }: PrometheusOptions): Promise<Prometheus> {
    const dir = await mkdtemp(join(tmpdir(), 'prometheus-'));
    const config = join(dir, 'prometheus.json');
    const every = '500ms';
    await writeFile(
      config,
      JSON.stringify({
        global: { scrape_interval: every, evaluation_interval: every },
        rule_files: rules,
        scrape_configs: [{ job_name: 'whatsapp-gateway', static_configs: [{ targets: [target] }] }],
      }),
    );
    const address = `127.0.0.1:${await freePort()}`;
    const files = [`--config.file=${config}`, `--storage.tsdb.path=${join(dir, 'data')}`];
    const child = spawn(path, [...files, `--web.listen-address=${address}`], { stdio: 'ignore' });
    const started = new Prometheus(child, dir, `http://${address}`);
    await eventually('the first scrape', async () => {
      if (child.exitCode !== null) throw new Error(`Prometheus ended with ${child.exitCode}.`);
      const [up] = await started.values('up').catch(() => []);
      return up === 1;
    });
    return started;
  }

  /** The values of an instant query without NaN. */
  async values(expr: string): Promise<number[]> {
    const { result } = await this.#get<{ result: { value: [number, string] }[] }>(
      `query?query=${encodeURIComponent(expr)}`,
    );
    return result.map(({ value }) => Number(value[1])).filter((value) => !Number.isNaN(value));
  }

  /** The alert rules with their health and state. */
  async rules(): Promise<{ name: string; health: string; state: string }[]> {
    type Groups = { groups: { rules: { name: string; health: string; state: string }[] }[] };
    return (await this.#get<Groups>('rules')).groups.flatMap(({ rules }) => rules);
  }

  /** Stops it and deletes its folder. */
  async stop(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await ended;
    await rm(this.#dir, { recursive: true, force: true, maxRetries: 5 });
  }

  /** Calls its API. @throws Error when it answers with an error */
  async #get<T>(path: string): Promise<T> {
    const response = await fetch(`${this.#url}/api/v1/${path}`, { signal: AbortSignal.timeout(10_000) });
    const { status, error, data } = (await response.json()) as { status: string; error?: string; data: T };
    if (status !== 'success') throw new Error(`${path}: ${error}`);
    return data;
  }
}
