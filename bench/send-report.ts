import { head, spread, verdict } from './machine.ts';
import { median } from './rounds.ts';

/** One way to send, so many at a time. */
export interface Way {
  name: string;
  lanes: number;
  send(): Promise<void>;
}

/** What one round measured; times in ms. */
export interface SendRound {
  perSecond: number;
  p50: number;
  p99: number;
}

const RATE_GOAL = 0.95;
const ADDED_GOAL_MS = 3;

/** The results, bare loop first, as the text of SEND.md. */
export function sendReport(results: [Way, SendRound[]][], messages: number): string {
  const figure = (rounds: SendRound[], field: keyof SendRound, digits = 1) =>
    spread(
      rounds.map((round) => round[field]),
      digits,
    );
  const middle = (index: number, field: keyof SendRound) =>
    median(results[index]![1].map((round) => round[field]));
  const rate = middle(3, 'perSecond') / middle(0, 'perSecond');
  const added = middle(2, 'p50') - middle(1, 'p50');
  const rows = results.map(
    ([{ name }, rounds], index) =>
      `| ${name} | ${figure(rounds, 'perSecond', 0)} | ${(middle(index, 'perSecond') / middle(0, 'perSecond')).toFixed(2)} | ${figure(rounds, 'p50')} | ${figure(rounds, 'p99')} |`,
  );
  return `# What a message costs on the real library

${head('bench:send')}

| | messages/s | ratio to the bare loop | p50 ms | p99 ms |
|---|---|---|---|---|
${rows.join('\n')}

Median (min … max) of ${results[0]![1].length} rounds of ${messages} texts, in turns.

- **Rate**: ${rate.toFixed(2)} × the bare loop while messages wait; goal ${RATE_GOAL}: ${verdict(rate >= RATE_GOAL)}.
- **Added**: ${added.toFixed(1)} ms at the median, against the bare library and the acknowledgement that it leaves to its user; goal
  ${ADDED_GOAL_MS} ms: ${verdict(added <= ADDED_GOAL_MS)}.
- **A request** is all of it: HTTP, key, zod, the row on disk in the embedded Postgres, mailbox, actors, the look-up of the
  recipient, whatsapp-web.js in Chromium, WhatsApp's acknowledgement, the settled row, the answer. Only a 200 counts.
- **The page** is the stand-in of \`test/support/stand-in\` for both, each in a browser of its own with our arguments. The
  bare loop is the library as it comes, which marks the chat as read with each send; the service asks it not to.
- Stand-in, bare loop, service and load share one Node process; only Chromium and Postgres have their own.
`;
}
