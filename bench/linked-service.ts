import { closeSync, openSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { childEnvironment } from '../src/infra/config.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../src/infra/postgres/embedded/embedded.ts';
import { migrate } from '../src/infra/postgres/migrate.ts';
import { LogTail } from './log-tail.ts';
import { ask, NODE_ARGUMENTS, spawnNode, stopNode } from './pinned.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const CONNECT_TIMEOUT_MS = 120_000;

/** `SESSIONS_TOKEN`: with it, starts are not limited by address. */
export const TOKEN = 'token-of-the-benchmark';
export const agentIdOf = (agent: number) => `bench-${agent}`;
export const keyOf = (agent: number) => `key-of-bench-agent-${agent}`;
/** The number that an agent is linked to. */
export const numberOf = (agent: number) => `62811${String(agent).padStart(8, '0')}`;

/** The bench's own Postgres, which the measured service uses by `DB_URL`. */
export interface BenchDatabase {
  /** Creates a database with the service's tables; returns its `DB_URL`. */
  create(name: string): Promise<string>;
  stop(): Promise<void>;
}

/** Starts the embedded Postgres in a temporary folder. */
export async function startDatabase(): Promise<BenchDatabase> {
  const dataDir = await mkdtemp(join(tmpdir(), 'gateway-bench-db-'));
  const server = await startEmbeddedPostgres({ dataDir });
  return {
    create: (name) => createDatabase(server, name),
    stop: async () => {
      await server.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** Works on a connection of its own, closed in any case: the server stops after a failure, too. */
async function connected(
  config: pg.ClientConfig,
  work: (client: pg.Client) => Promise<unknown>,
): Promise<void> {
  const client = new pg.Client(config);
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

/** Creates an empty database with the tables of this version; returns its URL. */
async function createDatabase(server: EmbeddedPostgres, name: string): Promise<string> {
  await connected(server.connection, (client) => client.query(`create database ${name}`));
  await migrate({ ...server.connection, database: name });
  const url = new URL(`postgres://postgres@localhost/${name}`);
  url.searchParams.set('host', String(server.connection.host));
  return url.href;
}

/** What the service starts with. */
export interface LinkedServicePlan {
  dbUrl: string;
  agents: number;
  /** Queued messages per agent, and for how many agents: all by default. */
  queued?: number;
  queuedFor?: number;
  env?: NodeJS.ProcessEnv;
  /** With the probe, `look`, `received` and `write` work; without it the service is as an operator starts it. */
  probe?: boolean;
  nodeArguments?: string[];
}

/** Memory in bytes after a full garbage collection, and pending timers. */
export interface Look {
  heapUsed: number;
  rss: number;
  /** Timers of the host. */
  timers: number;
  /** Timers of the actors and the sandbox, which share a few of the host's. */
  tasks: number;
}

/** A message that reached an agent's device; `at` in ns of the machine's clock. */
export type Received = [owner: string, id: string, at: string];

/** A service whose agents are linked already and connect by themselves. */
export interface LinkedService {
  pid: number;
  url: string;
  log: LogTail;
  /** From the start of the process to the first and to the last agent's connection, ms. */
  readyMs: number;
  connectedMs: number;
  look(): Promise<Look>;
  /** Messages that reached devices since the last call. */
  received(): Promise<Received[]>;
  /** Sends from a phone of the simulated WhatsApp. */
  write(message: { from: string; to: string; text: string }): void;
  stop(): Promise<void>;
}

/** Prepares the agents' data, starts the service, and waits until all are connected. */
export async function startLinkedService(plan: LinkedServicePlan): Promise<LinkedService> {
  const dir = await mkdtemp(join(tmpdir(), 'gateway-bench-'));
  await seedRows(plan);
  await seedSandbox(join(dir, 'data'), plan.agents);
  const logPath = join(dir, 'service.log');
  const log = openSync(logPath, 'a');
  const probe = ['--expose-gc', '--import', join(root, 'bench/probe.mjs')];
  const args = [
    ...NODE_ARGUMENTS,
    ...(plan.nodeArguments ?? []),
    ...(plan.probe ? probe : []),
    join(root, 'dist/main.js'),
  ];
  const startedAt = Date.now();
  const child = spawnNode(args, { env: environment(dir, plan), cwd: dir, stdout: log });
  closeSync(log);
  const stop = async () => {
    await stopNode(child);
    await rm(dir, { recursive: true, force: true });
  };
  try {
    const tail = new LogTail(logPath, child);
    const ready = await tail.event('service.ready', CONNECT_TIMEOUT_MS);
    const connectedAt = await tail.connected(plan.agents, CONNECT_TIMEOUT_MS);
    return {
      pid: child.pid!,
      url: String(ready.url),
      log: tail,
      readyMs: Date.parse(ready.time) - startedAt,
      connectedMs: Math.max(connectedAt, Date.parse(ready.time)) - startedAt,
      look: async () => (await ask(child, { ask: 'look' })) as Look,
      received: async () => (await ask(child, { ask: 'received' })) as Received[],
      write: (message) => void child.send({ write: message }),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The service's environment. Without browsers, the starts need not be limited. */
function environment(dir: string, { dbUrl, env }: LinkedServicePlan): NodeJS.ProcessEnv {
  return {
    ...childEnvironment(),
    WHATSAPP_DRIVER: 'sandbox',
    PORT: '0',
    DB_URL: dbUrl,
    DATA_DIR: join(dir, 'data'),
    TEMP_DIR: join(dir, 'temp'),
    START_CONCURRENCY: '1000',
    SESSIONS_TOKEN: TOKEN,
    ...env,
  };
}

/** Writes the rows of the agents and of their queued messages. */
async function seedRows({ dbUrl, agents, queued = 0, queuedFor = agents }: LinkedServicePlan): Promise<void> {
  await connected({ connectionString: dbUrl }, async (client) => {
    await client.query(
      `insert into whatsapp_user (user_id, agent_id, agent_name, api_key, status, last_connected_at)
     select n + 1, 'bench-' || n, 'Bench ' || n, 'key-of-bench-agent-' || n, 'connected', now()
     from generate_series(0, $1 - 1) as n`,
      [agents],
    );
    await client.query(
      `insert into gateway_message (id, user_id, agent_id, to_jid, content, origin, trace_id, status, created_at)
     select gen_random_uuid(), n + 1, 'bench-' || n, '62813' || lpad(n::text, 8, '0') || '@c.us',
       '{"kind": "text", "text": "Halo! Pesanan Anda sudah dikirim dan tiba dalam dua hari kerja."}', 'api', md5(n || '/' || m), 'queued', now()
     from generate_series(1, $2) as m, generate_series(0, $1 - 1) as n`,
      [queuedFor, queued],
    );
    await client.query('vacuum analyze');
  });
}

/** Writes the simulated WhatsApp's data: one linked account per agent. */
async function seedSandbox(dataDir: string, agents: number): Promise<void> {
  const lines: object[] = [];
  for (let agent = 0; agent < agents; agent += 1) {
    const digits = String(agent).padStart(8, '0');
    const pn = `${numberOf(agent)}@c.us`;
    const token = `TOKEN${digits}`.padEnd(32, '0');
    lines.push({
      kind: 'account',
      account: { pn, lid: `1000000${digits}@lid`, name: `Bench ${agent}`, addressedByLid: false },
    });
    lines.push({ kind: 'link', token, pn }, { kind: 'save', agentId: agentIdOf(agent), token });
  }
  await mkdir(dataDir, { recursive: true });
  await writeFile(join(dataDir, 'sandbox.jsonl'), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
}
