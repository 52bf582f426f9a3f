import { head, spread } from './machine.ts';
import { canPin } from './pinned.ts';
import { CONNECTIONS, type Round, ratioOf, type Turn } from './rounds.ts';
import { AGENTS } from './servers.ts';

/** `median (min … max)` of one figure over the rounds; a dash where it could not be measured. */
function figure(rounds: Round[], field: keyof Round, digits = 0): string {
  const values = rounds.map((round) => round[field]);
  if (values.some(Number.isNaN)) return '–';
  return spread(values, digits);
}

/** One row of the table. */
function row(name: string, rounds: Round[]): string {
  const fields = (['perSecond', 'p50', 'p99', 'cpuMicrosPerRequest'] as const).map((field) =>
    figure(rounds, field),
  );
  return `| ${name} | ${fields.join(' | ')} | ${figure(rounds, 'foreignCores', 2)} |`;
}

/** The results as the text of MESSAGE.md. */
export function messageReport(turns: Turn[], bound: number): string {
  const ratios = turns.map(({ service, bare }) => service.perSecond / bare.perSecond);
  const [low, high] = [Math.min(...ratios), Math.max(...ratios)].map((ratio) => ratio.toFixed(2));
  const ratio = ratioOf(turns, 'service');
  const result = ratio < bound ? 'does not hold' : 'holds';
  const pinning = canPin
    ? 'The measured server has core 0 to itself; the load generator and the database share core 1.'
    : 'Processes were not bound to cores here.';
  const sides = [
    ['`POST /agents/{id}/messages`', 'service'],
    ['bare Express 5', 'bare'],
  ] as const;
  const rows = sides.map(([name, side]) =>
    row(
      name,
      turns.map((turn) => turn[side]),
    ),
  );
  return `# What a message costs

${head('bench:message')}

Rates depend on the machine, so the ratio is what counts: the whole service against a stock Express 5 that parses and
echoes the same JSON, measured in turns in one run.

**Ratio ${ratio.toFixed(2)}** (${low} … ${high} over ${turns.length} rounds). The bound of ${bound} ${result}. It only shows a regression:
there is no goal any more, since the limits of the accounts allow a fraction of either rate.

| | requests/s | p50 ms | p99 ms | CPU µs per request | foreign load, cores |
|---|---|---|---|---|---|
${rows.join('\n')}

Median (min … max). CPU is that of the server's own process. Foreign load is that of other programs: repeat a run that
has much of it.

- **Load**: autocannon, ${CONNECTIONS} connections, ${AGENTS} agents in turn with a key each, a body of about 120 bytes. ${pinning}
- **A request** is complete: key, zod, the row on disk in the embedded Postgres, mailbox, the look-up of the recipient,
  the row marked as \`sending\`, the send through the sandbox driver, WhatsApp's acknowledgement, the row's outcome, log
  lines to a file, metrics. Only a 200 counts: the message is sent, not queued. The rate limit is out of reach. The
  simulated WhatsApp runs in the same process, and its cost counts as the service's.

\`npm run bench:message\` takes about a minute; with \`-- --check\` it is short, writes nothing and exits with 1
below the bound; with \`-- --cpu-prof DIR\` it writes a CPU profile of the service to DIR.
`;
}
