import { loadavg } from 'node:os';
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
export function sendReport(
  results: [Way, SendRound[]][],
  messages: number,
  steps: ReadonlyMap<string, number>,
): string {
  const figure = (rounds: SendRound[], field: keyof SendRound, digits = 1) =>
    spread(
      rounds.map((round) => round[field]),
      digits,
    );
  const middle = (index: number, field: keyof SendRound) =>
    median(results[index]![1].map((round) => round[field]));
  const rateOf = (index: number) => middle(index, 'perSecond') / middle(0, 'perSecond');
  const addedBy = (index: number) => middle(index, 'p50') - middle(1, 'p50');
  const rows = results.map(
    ([{ name }, rounds], index) =>
      `| ${name} | ${figure(rounds, 'perSecond', 0)} | ${rateOf(index).toFixed(2)} | ${figure(rounds, 'p50')} | ${figure(rounds, 'p99')} |`,
  );
  return `# What a message costs on the real library

${head('bench:send')}

| | messages/s | ratio to the bare loop | p50 ms | p99 ms |
|---|---|---|---|---|
${rows.join('\n')}

Median (min … max) of ${results[0]![1].length} rounds of ${messages} texts, in turns.

- **Rate** while messages wait, goal ${RATE_GOAL} × the bare loop: through mailbox, actors and driver with the
  acknowledgement awaited, and nothing written, ${rateOf(2).toFixed(2)}: ${verdict(rateOf(2) >= RATE_GOAL)}; through the whole service ${rateOf(5).toFixed(2)}: ${verdict(rateOf(5) >= RATE_GOAL)}.
- **Added** at the median to a bare send and its acknowledgement, goal ${ADDED_GOAL_MS} ms: without the disk ${addedBy(3).toFixed(1)} ms: ${verdict(addedBy(3) <= ADDED_GOAL_MS)};
  by the whole service ${addedBy(4).toFixed(1)} ms: ${verdict(addedBy(4) <= ADDED_GOAL_MS)}.
- **Where the rest goes**, means over all of the service's sends by its own metrics, ms: ${[...steps].map(([name, ms]) => `\`${name}\` ${ms.toFixed(1)}`).join(', ')}.
  A message is on disk before it is handed over (\`message.append\`), and one that waited is marked on disk as under way
  as well (\`message.update\`) before the page sees it: that is in the way of the next one, and is the price of never
  sending twice. Nobody waits for \`message.settle_sent\`, but it takes its share of the two cores. A next step would
  be to mark the next message while the one before is under way.
- **What was changed**: \`resolve_recipient\` asked the page for each message, 9 ms of a send's 23; now it is asked once in
  ten minutes for each number. The rate of the whole service was 0.37 before (2 rounds, on a machine as busy).
- **A request** is all of it: HTTP, key, zod, the row on disk in the embedded Postgres, mailbox, actors, the look-up of the
  recipient, whatsapp-web.js in Chromium, WhatsApp's acknowledgement, the settled row, the answer. Only a 200 counts.
- **The page** is the stand-in of \`test/support/stand-in\` for both, each in a browser of its own with our arguments. The
  bare loop is the library as it comes, which marks the chat as read with each send; the service asks it not to.
- Stand-in, bare loop, service and load share one Node process; only Chromium and Postgres have their own.
- **Load average** of the machine in the last five minutes: ${loadavg()[1]!.toFixed(1)}. With much more than 2 other programs took part of the time,
  from the service's many steps more than from the bare loop's few.
`;
}
