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

/** Opens `/sessions*`; no start is limited by address. */
export const TOKEN = 'token-of-the-benchmark';
export const agentIdOf = (agent: number) => `bench-${agent}`;
export const keyOf = (agent: number) => `key-of-bench-agent-${agent}`;
/** The number that an agent is linked to. */
export const numberOf = (agent: number) => `62811${String(agent).padStart(8, '0')}`;

/** A Postgres of the bench's own, which the measured service reaches by `DB_URL`. */
export interface BenchDatabase {
  /** Makes a database with the service's tables; gives its `DB_URL`. */
  create(name: string): Promise<string>;
  stop(): Promise<void>;
}

/** Starts the embedded Postgres in a folder that goes with it. */
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

/** An empty database with the tables of this version. */
async function createDatabase(server: EmbeddedPostgres, name: string): Promise<string> {
  const client = new pg.Client(server.connection);
  await client.connect();
  await client.query(`create database ${name}`);
  await client.end();
  await migrate({ ...server.connection, database: name });
  const url = new URL(`postgres://postgres@localhost/${name}`);
  url.searchParams.set('host', String(server.connection.host));
  return url.href;
}

/** What a fleet is made of. */
export interface FleetPlan {
  dbUrl: string;
  agents: number;
  /** Messages that agents find in their queues, and how many agents: all by default. */
  queued?: number;
  queuedFor?: number;
  env?: NodeJS.ProcessEnv;
  /** Without the probe the service is what an operator starts, and can't be asked. */
  probe?: boolean;
  nodeArguments?: string[];
}

/** What the probe sees in the service, after a full garbage collection: bytes, and timers that wait. */
export interface Look {
  heapUsed: number;
  rss: number;
  /** Timers of the host. */
  timers: number;
  /** Timers of the actors and of the sandbox, which share a few of the host's. */
  tasks: number;
}

/** A message that came to an agent's device: whose, its id, and when by the machine's clock, ns. */
export type Heard = [owner: string, id: string, at: string];

/** A service whose agents were linked in an earlier life, and connect by themselves. */
export interface Fleet {
  pid: number;
  url: string;
  log: LogTail;
  /** From the start of the process to the first and to the last agent's connection, ms. */
  readyMs: number;
  connectedMs: number;
  look(): Promise<Look>;
  /** What phones have written since the last call. */
  heard(): Promise<Heard[]>;
  /** Writes as a phone of the simulated WhatsApp. */
  write(message: { from: string; to: string; text: string }): void;
  stop(): Promise<void>;
}

/** Writes what an earlier life of the agents would have left, starts the service, and waits until all are connected. */
export async function startFleet(plan: FleetPlan): Promise<Fleet> {
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
      heard: async () => (await ask(child, { ask: 'heard' })) as Heard[],
      write: (message) => void child.send({ write: message }),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The service's environment. A sandbox has no browsers whose starts would have to take turns. */
function environment(dir: string, { dbUrl, env }: FleetPlan): NodeJS.ProcessEnv {
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

/** The agents' rows, and those of what waits in their queues. */
async function seedRows({ dbUrl, agents, queued = 0, queuedFor = agents }: FleetPlan): Promise<void> {
  const client = new pg.Client({ connectionString: dbUrl });
  await client.connect();
  await client.query(
    `insert into whatsapp_user (user_id, agent_id, agent_name, api_key, status, last_connected_at)
     select n + 1, 'bench-' || n, 'Bench ' || n, 'key-of-bench-agent-' || n, 'connected', now()
     from generate_series(0, $1 - 1) as n`,
    [agents],
  );
  await client.query(
    `insert into gateway_message (id, agent_id, to_jid, kind, text, origin, trace_id, status, created_at)
     select gen_random_uuid(), 'bench-' || n, '62813' || lpad(n::text, 8, '0') || '@c.us', 'text',
       'Halo! Pesanan Anda sudah dikirim dan tiba dalam dua hari kerja.', 'api', md5(n || '/' || m), 'queued', now()
     from generate_series(1, $2) as m, generate_series(0, $1 - 1) as n`,
    [queuedFor, queued],
  );
  await client.query('vacuum analyze');
  await client.end();
}

/** The simulated WhatsApp's memory: an account an agent, linked. */
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
