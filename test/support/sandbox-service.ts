import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ApiAnswer, callApi } from './api.ts';
import { eventually } from './eventually.ts';
import { type ServiceProcess, startProcess } from './service-process.ts';

const KEY = 'key-of-user-1';

/** A message as the simulated network keeps it. */
interface NetworkMessage {
  fromMe: boolean;
  body: string;
  ack: number;
}

/**
 * The service as a process of its own on the simulated network, with everything in one folder that outlives it: kill
 * it, start it again, and ask the network what really came through.
 */
export class SandboxService {
  readonly dir: string;
  readonly #env: Record<string, string>;
  #process: ServiceProcess | null = null;
  #url = '';

  private constructor(dir: string, env: Record<string, string>) {
    this.dir = dir;
    this.#env = env;
  }

  static async create(env: Record<string, string> = {}): Promise<SandboxService> {
    return new SandboxService(await realpath(await mkdtemp(join(tmpdir(), 'gateway-'))), env);
  }

  /** Starts the process without waiting for it. */
  launch(env: Record<string, string> = {}): ServiceProcess {
    this.#process = startProcess({
      WHATSAPP_DRIVER: 'sandbox',
      DATA_DIR: join(this.dir, 'data'),
      TEMP_DIR: join(this.dir, 'temp'),
      SEND_RATE_PER_MINUTE: '600000',
      SEND_BURST: '10000',
      MAILBOX_CAPACITY: '10000',
      ...this.#env,
      ...env,
    });
    return this.#process;
  }

  /** Starts the process and waits until it is ready. */
  async up(): Promise<ServiceProcess> {
    const started = this.launch();
    this.#url = await started.url();
    return started;
  }

  get url(): string {
    return this.#url;
  }

  /** Calls the API with the key of all agents. */
  call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
    return callApi(this.#url, method, path, body, { authorization: `Bearer ${KEY}`, ...headers });
  }

  /** Hands a text in, to be sent later. */
  accept(agentId: string, to: string, message: string): Promise<ApiAnswer> {
    return this.call('POST', `/agents/${agentId}/messages`, { to, message }, { prefer: 'respond-async' });
  }

  /** Creates an agent, scans its QR, and waits until it is connected. */
  async link(agentId: string, number: string): Promise<void> {
    await this.call('POST', '/sessions', { userId: 1, agentId, agentName: agentId, apikey: KEY });
    await this.call('POST', `/sandbox/phones/${agentId}/scan`, { number });
    await this.connected(agentId);
  }

  async connected(agentId: string): Promise<void> {
    await eventually(`${agentId} to be connected`, async () => {
      const { body } = await this.call('GET', `/sessions/${agentId}`);
      return body.status === 'connected';
    });
  }

  /** The texts that WhatsApp took from an agent for a chat, in order. */
  async sentTexts(agentId: string, chat: string): Promise<string[]> {
    const { body } = await this.call(
      'GET',
      `/sandbox/phones/${agentId}/messages?limit=1000&chat=${encodeURIComponent(chat)}`,
    );
    if (!Array.isArray(body)) return [];
    const messages = body as NetworkMessage[];
    return messages.filter(({ fromMe, ack }) => fromMe && ack >= 1).map((message) => message.body);
  }

  /** Waits until every message of these ids is settled; gives how many ended in which status. */
  async settled(agentId: string, ids: readonly string[]): Promise<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const id of ids) {
      const status = await eventually(`message ${id} to be settled`, async () => {
        const { body } = await this.call('GET', `/agents/${agentId}/messages/${id}`);
        return ['sent', 'failed', 'unknown'].includes(String(body.status)) && String(body.status);
      });
      counts[status] = (counts[status] ?? 0) + 1;
    }
    return counts;
  }

  /** Ends what runs and takes the folder away. */
  async close(): Promise<void> {
    const running = this.#process?.child;
    if (running && running.exitCode === null && running.signalCode === null)
      await this.#process!.end('SIGTERM');
    await rm(this.dir, { recursive: true, force: true, maxRetries: 5 });
  }
}
