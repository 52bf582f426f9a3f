import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { findChromium } from '../src/infra/whatsapp/wwebjs/chromium.ts';
import { callApi } from '../test/support/api.ts';
import { BEARER, BOT, CUSTOMER, OTHER_BOT } from '../test/support/fixtures.ts';
import { argumentsOf, childrenOf } from '../test/support/processes.ts';
import { startWwebjsService, type WwebjsService } from '../test/support/wwebjs-service.ts';
import { startDatabase } from './linked-service.ts';
import { goalText, head, quantile, spread } from './machine.ts';
import { LOAD_CORE, pin, SERVER_CORE } from './pinned.ts';
import { publish } from './publish.ts';
import { median } from './rounds.ts';

// What documents of 64 MB cost: the memory of the service while one agent sends them one after another, and how long the
// acceptance of another agent's texts takes meanwhile. Sending is the work of the browsers and of the stand-in page:
// acceptance is the part that the service itself answers for.

const ROUNDS = 5;
const ROUND_MS = 8_000;
const EVERY_MS = 20;
const CLIENT = fileURLToPath(new URL('accept-texts.mjs', import.meta.url));
const MEGABYTE = 1024 * 1024;
const MOST_GROWTH_MB = 100;
const MOST_SLOWER = 1.2;

/** Resident memory of a process in MB. */
function resident(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))!;
  return Number(kilobytes) / 1024;
}

/** Sends a message of an agent. */
const send = ({ url }: WwebjsService, agentId: string, content: object, headers = {}) =>
  callApi(
    url,
    'POST',
    `/agents/${agentId}/messages`,
    { to: CUSTOMER, ...content },
    { ...BEARER, ...headers },
  );

/** Milliseconds that each text takes to be accepted, one every 20 ms while the round lasts, and the most memory seen. */
async function acceptTexts({ url, pid }: WwebjsService): Promise<{ times: number[]; peak: number }> {
  let peak = 0;
  const watch = setInterval(() => {
    peak = Math.max(peak, resident(pid));
  }, EVERY_MS);
  const target = `${url}/agents/texts/messages`;
  const client = spawn(
    process.execPath,
    [CLIENT, target, BEARER.authorization, `${ROUND_MS}`, `${EVERY_MS}`],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  pin(client.pid!, SERVER_CORE);
  let printed = '';
  for await (const chunk of client.stdout) printed += chunk;
  clearInterval(watch);
  return { times: JSON.parse(printed) as number[], peak };
}

/** One round with documents of another agent meanwhile. */
async function withDocuments(service: WwebjsService, id: string) {
  let hasEnded = false;
  let documents = 0;
  const sending = (async () => {
    while (!hasEnded) {
      const { status } = await send(service, 'documents', { type: 'document', document: { id } });
      if (status !== 200) throw new Error(`A document was answered with ${status}.`);
      documents += 1;
    }
  })();
  const texts = await acceptTexts(service);
  hasEnded = true;
  await sending;
  return { ...texts, documents };
}

/** Gives service and database one core, and the browsers with their page the other. */
function pinAll({ pid }: WwebjsService): void {
  const below = (parent: number): number[] => childrenOf(parent).flatMap((child) => [child, ...below(child)]);
  const isDatabase = (child: number) => argumentsOf(child).some((argument) => argument.includes('postgres'));
  for (const other of [process.pid, ...below(process.pid)])
    pin(other, other === pid || isDatabase(other) ? SERVER_CORE : LOAD_CORE);
}

/** Uploads 64 MB; returns the id. */
async function upload({ url }: WwebjsService): Promise<string> {
  const headers = { ...BEARER, 'content-type': 'application/octet-stream' };
  const body = randomBytes(64 * MEGABYTE);
  const answer = await fetch(`${url}/agents/documents/files`, { method: 'POST', headers, body });
  return ((await answer.json()) as { id: string }).id;
}

const database = await startDatabase();
const executablePath = findChromium(process.env.PUPPETEER_EXECUTABLE_PATH, process.env.PATH ?? '');
if (!executablePath) throw new Error('No Chromium was found.');
const service = await startWwebjsService(executablePath, await database.create('files'));
try {
  await service.link('documents', BOT);
  await service.link('texts', OTHER_BOT);
  const id = await upload(service);
  pinAll(service);
  await withDocuments(service, id);
  const alone: { times: number[]; peak: number }[] = [];
  const beside: Awaited<ReturnType<typeof withDocuments>>[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    alone.push(await acceptTexts(service));
    beside.push(await withDocuments(service, id));
  }
  const p99 = (rounds: { times: number[] }[]) => rounds.map(({ times }) => quantile(times, 0.99));
  const most = (rounds: { peak: number }[]) => Math.max(...rounds.map(({ peak }) => peak));
  const ratio = median(p99(beside).map((time, round) => time / p99(alone)[round]!));
  const growth = most(beside) - most(alone);
  const sent = beside.reduce((sum, { documents }) => sum + documents, 0);
  publish(
    'files',
    `# What documents of 64 MB cost

${head('bench:files')}

One agent sends documents of 64 MB through the real whatsapp-web.js in Chromium, one after another: ${sent} of them in ${ROUNDS} rounds of ${ROUND_MS / 1000} s. Another one has texts accepted (\`Prefer: respond-async\`), one every ${EVERY_MS} ms. Where cores can be chosen, service, database and the client that measures have one, browsers and stand-in page the other.

| | without documents | with them |
|---|---|---|
| acceptance of a text, p99, ms | ${spread(p99(alone), 1)} | ${spread(p99(beside), 1)} |
| memory of the service at most, MB | ${most(alone).toFixed(0)} | ${most(beside).toFixed(0)} |

The bytes do not pass through the service: Chromium reads the file.
Slower by a factor of ${ratio.toFixed(2)} (goal ${MOST_SLOWER}: ${goalText(ratio <= MOST_SLOWER)}).
`,
    [
      {
        what: 'acceptance of another agent’s texts, p99, with documents relative to without',
        measured: ratio.toFixed(2),
        wanted: String(MOST_SLOWER),
        isReached: ratio <= MOST_SLOWER,
      },
      {
        what: 'memory of the service, beyond that without documents',
        measured: `${growth.toFixed(0)} MB`,
        wanted: `${MOST_GROWTH_MB} MB`,
        isReached: growth <= MOST_GROWTH_MB,
      },
    ],
  );
} finally {
  await service.close();
  await database.stop();
}
