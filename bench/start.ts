import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { childEnvironment } from '../src/infra/config.ts';
import { freePort } from '../test/support/free-port.ts';
import { startDatabase } from './linked-service.ts';
import { goalText, head, spread } from './machine.ts';
import { NODE_ARGUMENTS, spawnNode, stopNode } from './pinned.ts';
import { publish } from './publish.ts';
import { median } from './rounds.ts';

// From the start of the process to its first response: built code, no tsx, no agents; with an external Postgres and with
// the embedded one, whose cluster exists already.

const ROUNDS = 9;
const POLL_MS = 2;
const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));

/** One configuration of the service. */
interface Start {
  driver: 'sandbox' | 'wwebjs';
  dbUrl: string | undefined;
  dir: string;
}

/** Whether `/health` answers 200. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    request({ host: '127.0.0.1', port, path: '/health', agent: false }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode === 200));
    })
      .on('error', () => resolve(false))
      .end();
  });
}

/** Starts the service once; returns the milliseconds until its first response. */
async function startOnce({ driver, dbUrl, dir }: Start): Promise<number> {
  const port = await freePort();
  const startedAt = performance.now();
  const child = spawnNode([...NODE_ARGUMENTS, main], {
    cwd: dir,
    env: {
      ...childEnvironment(),
      WHATSAPP_DRIVER: driver,
      PORT: String(port),
      DB_URL: dbUrl,
      DATA_DIR: join(dir, 'data'),
      TEMP_DIR: join(dir, 'temp'),
      WWEBJS_AUTH_DIR: join(dir, 'auth'),
    },
  });
  try {
    while (!(await answers(port))) {
      if (child.exitCode !== null) throw new Error(`The service exited with ${child.exitCode}.`);
      await sleep(POLL_MS);
    }
    return performance.now() - startedAt;
  } finally {
    await stopNode(child);
  }
}

/** Measures a start `ROUNDS` times, after one that creates the cluster and fills the disk cache. */
async function measure(start: Start): Promise<number[]> {
  await startOnce(start);
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) times.push(await startOnce(start));
  console.log(`${start.driver}, ${start.dbUrl ? 'DB_URL' : 'embedded'}: ${spread(times)} ms`);
  return times;
}

/** The results as the text of START.md. */
function report(rows: { driver: string; database: string; goalMs: number; times: number[] }[]): string {
  const lines = rows.map(
    ({ driver, database, goalMs, times }) =>
      `| ${driver} | ${database} | ${spread(times)} | ${goalMs} | ${goalText(median(times) <= goalMs)} |`,
  );
  return `# How long a start takes

${head('bench:start')}

Milliseconds from the start of the process (\`node dist/main.js\`) to the response to its first request, median (min … max)
of ${ROUNDS} starts, with no agents. The cluster of the embedded Postgres exists already; the very first start creates it.

| driver | database | ms | goal | |
|---|---|---|---|---|
${lines.join('\n')}

Before the OpenAPI documents were built on demand, the same starts took 790 ms with \`DB_URL\`, 860 embedded.
`;
}

const dir = await mkdtemp(join(tmpdir(), 'gateway-bench-start-'));
const database = await startDatabase();
try {
  const dbUrl = await database.create('start');
  const rows: Parameters<typeof report>[0] = [];
  for (const driver of ['wwebjs', 'sandbox'] as const) {
    for (const url of [dbUrl, undefined]) {
      const times = await measure({ driver, dbUrl: url, dir });
      rows.push({
        driver,
        database: url ? '`DB_URL`' : 'embedded, warm',
        goalMs: url ? 1_000 : 2_000,
        times,
      });
    }
  }
  publish(
    'start',
    report(rows),
    rows.map(({ driver, database: where, goalMs, times }) => ({
      what: `${driver}, ${where}`,
      measured: `${spread(times)} ms`,
      wanted: `${goalMs} ms`,
      isReached: median(times) <= goalMs,
    })),
  );
} finally {
  await database.stop();
  await rm(dir, { recursive: true, force: true });
}
