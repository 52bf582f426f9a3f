import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Request } from 'autocannon';
import { childEnvironment } from '../src/infra/config.ts';
import { firstWord, NODE_ARGUMENTS, pin, SERVER_CORE, spawnNode, stopNode } from './pinned.ts';

/** A server under load, with the requests that it gets in turn. */
export interface Target {
  name: string;
  pid: number;
  url: string;
  requests: Request[];
  stop(): Promise<void>;
}

/** More than connections, so that requests seldom wait in one queue. */
export const AGENTS = 200;
/** Agents that are linked at the same time. */
const LANES = 10;
const TOKEN = 'token-of-the-benchmark';
const READY_TIMEOUT_MS = 30_000;

const root = fileURLToPath(new URL('..', import.meta.url));

/** One request with a body of about 120 bytes, the same for both servers. */
function request(path: string, agent: number): Request {
  const body = {
    to: `62812${String(agent).padStart(8, '0')}`,
    message: 'Halo! Pesanan Anda sudah dikirim dan tiba dalam dua hari kerja.',
  };
  return {
    method: 'POST',
    path,
    headers: { 'content-type': 'application/json', authorization: `Bearer ${keyOf(agent)}` },
    body: JSON.stringify(body),
  };
}

const agentIdOf = (agent: number) => `bench-${agent}`;
const keyOf = (agent: number) => `key-of-bench-agent-${agent}`;
const agents = Array.from({ length: AGENTS }, (_, index) => index);

/** Starts the bare Express echo on its own core. */
export async function startBareExpress(): Promise<Target> {
  const child = spawnNode([join(root, 'bench/bare-express.mjs')], { env: childEnvironment() });
  const port = await firstWord(child);
  pin(child.pid!, SERVER_CORE);
  return {
    name: 'bare Express 5',
    pid: child.pid!,
    url: `http://127.0.0.1:${port}`,
    requests: agents.map((agent) => request('/echo', agent)),
    stop: () => stopNode(child),
  };
}

/**
 * Starts the built service as an operator would: sandbox driver, embedded Postgres, log to a file, no effective rate
 * limit; then links its agents. `nodeArguments` are passed to Node, e.g. `--cpu-prof`; `env` is added to its own.
 *
 * The process is bound to its core after the start, so that the database, its child, stays with the load generator.
 */
export async function startService(
  options: { nodeArguments?: string[]; name?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<Target> {
  const { nodeArguments = [], name = 'the service', env } = options;
  const dir = await mkdtemp(join(tmpdir(), 'gateway-bench-'));
  const logPath = join(dir, 'service.log');
  const log = openSync(logPath, 'a');
  // In its own folder, without a `.env`.
  const child = spawnNode([...NODE_ARGUMENTS, ...nodeArguments, join(root, 'dist/main.js')], {
    env: { ...environment(dir), ...env },
    cwd: dir,
    stdout: log,
  });
  closeSync(log);
  const stop = async () => {
    await stopNode(child);
    await rm(dir, { recursive: true, force: true });
  };
  try {
    await firstWord(child);
    const url = await readyUrl(logPath);
    await linkAll(url);
    pin(child.pid!, SERVER_CORE);
    const requests = agents.map((agent) => request(`/agents/${agentIdOf(agent)}/messages`, agent));
    return { name, pid: child.pid!, url, requests, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The service's environment; the sandbox refuses `NODE_ENV=production`, so neither server has it. */
function environment(dir: string): NodeJS.ProcessEnv {
  return {
    ...childEnvironment(),
    WHATSAPP_DRIVER: 'sandbox',
    PORT: '0',
    DATA_DIR: join(dir, 'data'),
    TEMP_DIR: join(dir, 'temp'),
    SEND_RATE_PER_MINUTE: '10000000',
    SEND_BURST: '10000000',
    START_CONCURRENCY: String(LANES),
    // With a token, starts are not limited by address.
    SESSIONS_TOKEN: TOKEN,
  };
}

/** The service's URL, from its `service.ready` line. */
async function readyUrl(logPath: string): Promise<string> {
  for (const until = performance.now() + READY_TIMEOUT_MS; performance.now() < until; await sleep(20)) {
    const lines = readFileSync(logPath, 'utf8').split('\n');
    // What follows the last newline is empty or an incomplete line.
    lines.pop();
    for (const line of lines) {
      const { event, url } = JSON.parse(line) as { event?: string; url?: string };
      if (event === 'service.ready' && url) return url;
    }
  }
  throw new Error('The service did not log its URL.');
}

/** Creates and links every agent, a few at a time. */
async function linkAll(url: string): Promise<void> {
  for (let first = 0; first < AGENTS; first += LANES) {
    await Promise.all(agents.slice(first, first + LANES).map((agent) => link(url, agent)));
  }
}

/** Creates one agent, scans its QR with a virtual phone, and waits until it is ready. */
async function link(url: string, agent: number): Promise<void> {
  const agentId = agentIdOf(agent);
  const session = { userId: agent + 1, agentId, agentName: agentId, apikey: keyOf(agent) };
  await call(`${url}/sessions`, session);
  await call(`${url}/sandbox/phones/${agentId}/scan`, {});
  const until = performance.now() + READY_TIMEOUT_MS;
  while (!(await call(`${url}/sessions/${agentId}`)).live?.isReady) {
    if (performance.now() > until) throw new Error(`${agentId} did not connect.`);
    await sleep(20);
  }
}

/** One call of the set-up. @throws Error unless it succeeds */
async function call(url: string, body?: object): Promise<{ live?: { isReady: boolean } }> {
  const response = await fetch(url, {
    method: body ? 'POST' : 'GET',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${TOKEN}` },
    body: body && JSON.stringify(body),
    signal: AbortSignal.timeout(READY_TIMEOUT_MS),
  });
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as { live?: { isReady: boolean } };
}
