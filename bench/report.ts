import { arch, cpus, platform, totalmem } from 'node:os';
import { canPin } from './pinned.ts';
import { CONNECTIONS, median, type Pair, type Round, ratioOf } from './rounds.ts';
import { AGENTS } from './servers.ts';

/** `median (min … max)` of one figure over the rounds; a dash where it could not be measured. */
function figure(rounds: Round[], field: keyof Round, digits = 0): string {
  const values = rounds.map((round) => round[field]);
  if (values.some(Number.isNaN)) return '–';
  const [low, middle, high] = [Math.min(...values), median(values), Math.max(...values)].map((value) =>
    value.toFixed(digits),
  );
  return `${middle} (${low} … ${high})`;
}

/** One row of the table. */
function row(name: string, rounds: Round[]): string {
  const fields = (['perSecond', 'p50', 'p99', 'cpuMicrosPerRequest'] as const).map((field) =>
    figure(rounds, field),
  );
  return `| ${name} | ${fields.join(' | ')} | ${figure(rounds, 'foreignCores', 2)} |`;
}

/** The results as the text of RESULTS.md. */
export function report(pairs: Pair[], bound: number): string {
  const ratios = pairs.map(({ service, bare }) => service.perSecond / bare.perSecond);
  const [low, high] = [Math.min(...ratios), Math.max(...ratios)].map((ratio) => ratio.toFixed(2));
  const ratio = ratioOf(pairs);
  const verdict = ratio < bound ? 'does not hold' : 'holds';
  const memory = Math.round(totalmem() / 2 ** 30);
  const pinning = canPin
    ? 'The measured server has core 0 to itself; the load generator and the database share core 1.'
    : 'Processes were not bound to cores here.';
  return `# What a message costs

Written by \`npm run bench\`. Rates depend on the machine, so the figure that counts is the ratio: the whole
service against a bare stock Express 5 that parses the same JSON and echoes it, measured in turns in one run.

**Ratio ${ratio.toFixed(2)}** (${low} … ${high} over ${pairs.length} rounds). The bound of ${bound} ${verdict}.

| | requests/s | p50 ms | p99 ms | CPU µs per request | foreign load, cores |
|---|---|---|---|---|---|
${row(
  '`POST /agents/{id}/messages`',
  pairs.map(({ service }) => service),
)}
${row(
  'bare Express 5',
  pairs.map(({ bare }) => bare),
)}

Median (min … max). CPU is that of the server's own process. Foreign load is what other programs kept busy
meanwhile: a run with much of it is to be repeated.

- **Machine**: ${cpus()[0]?.model.trim()}, ${cpus().length} cores, ${memory} GiB, ${platform()} ${arch()}, Node ${process.version}.
- **Load**: autocannon, ${CONNECTIONS} connections, ${AGENTS} agents in turn with a key each, a body of about 120 bytes. ${pinning}
- **A request** is all of it: key, zod, the row on disk in the embedded Postgres, mailbox, the look-up of the
  recipient, the mark that it is under way, the send through the sandbox driver, WhatsApp's acknowledgement, the
  settled row, log lines to a file, metrics. Only a 200 counts: the message is sent, not queued. The rate limit is
  set out of reach. The simulated WhatsApp runs in the same process, and its cost counts against the service.

\`npm run bench\` takes about a minute and writes this file; \`npm run bench -- --check\` is short, writes nothing and
exits with 1 below the bound; \`--cpu-prof DIR\` leaves a CPU profile of the service in DIR.

What many agents, messages in and starts cost is in [SCALE.md](SCALE.md).
`;
}
