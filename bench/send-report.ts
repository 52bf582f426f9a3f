import { loadavg } from 'node:os';
import { head, spread, verdict } from './machine.ts';
import type { Goal } from './publish.ts';
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

type Results = [Way, SendRound[]][];

/** The middle of a figure over one way's rounds. */
function middle(results: Results, index: number, field: keyof SendRound): number {
  return median(results[index]![1].map((round) => round[field]));
}

/** A way's rate as a share of the bare loop's. */
function rateOf(results: Results, index: number): number {
  return middle(results, index, 'perSecond') / middle(results, 0, 'perSecond');
}

/** Milliseconds that a way adds to the bare send and its acknowledgement, at the median. */
function addedBy(results: Results, index: number): number {
  return middle(results, index, 'p50') - middle(results, 1, 'p50');
}

/** The goals: rate while messages wait, and time added to one. */
export function sendGoals(results: Results): Goal[] {
  const rate = (what: string, index: number) => ({
    what: `rate of ${what}, of a bare loop`,
    measured: rateOf(results, index).toFixed(2),
    wanted: String(RATE_GOAL),
    isReached: rateOf(results, index) >= RATE_GOAL,
  });
  const added = (what: string, index: number) => ({
    what: `${what} adds, p50`,
    measured: `${addedBy(results, index).toFixed(1)} ms`,
    wanted: `${ADDED_GOAL_MS} ms`,
    isReached: addedBy(results, index) <= ADDED_GOAL_MS,
  });
  return [
    rate('mailbox, actors and driver', 2),
    rate('the whole service with its disk', 5),
    added('mailbox, actors and driver', 3),
    added('the whole service with its disk', 4),
  ];
}

/** The results, bare loop first, as the text of SEND.md. */
export function sendReport(results: Results, messages: number, steps: ReadonlyMap<string, number>): string {
  const figure = (rounds: SendRound[], field: keyof SendRound, digits = 1) =>
    spread(
      rounds.map((round) => round[field]),
      digits,
    );
  const rows = results.map(
    ([{ name }, rounds], index) =>
      `| ${name} | ${figure(rounds, 'perSecond', 0)} | ${rateOf(results, index).toFixed(2)} | ${figure(rounds, 'p50')} | ${figure(rounds, 'p99')} |`,
  );
  return `# What a message costs on the real library

${head('bench:send')}

| | messages/s | ratio to the bare loop | p50 ms | p99 ms |
|---|---|---|---|---|
${rows.join('\n')}

Median (min … max) of ${results[0]![1].length} rounds of ${messages} texts, in turns.

- **Rate** while messages wait, goal ${RATE_GOAL} × the bare loop: through mailbox, actors and driver with the
  acknowledgement awaited, and nothing written, ${rateOf(results, 2).toFixed(2)}: ${verdict(rateOf(results, 2) >= RATE_GOAL)}; through the whole service ${rateOf(results, 5).toFixed(2)}: ${verdict(rateOf(results, 5) >= RATE_GOAL)}.
- **Added** at the median to a bare send and its acknowledgement, goal ${ADDED_GOAL_MS} ms: without the disk ${addedBy(results, 3).toFixed(1)} ms: ${verdict(addedBy(results, 3) <= ADDED_GOAL_MS)};
  by the whole service ${addedBy(results, 4).toFixed(1)} ms: ${verdict(addedBy(results, 4) <= ADDED_GOAL_MS)}.
- **Where the rest goes**, means over all of the service's sends by its own metrics, ms: ${[...steps].map(([name, ms]) => `\`${name}\` ${ms.toFixed(1)}`).join(', ')}.
  A message is on disk before it is handed over (\`message.append\`), and one that waited is marked on disk as under way
  as well (\`message.update\`) before the page sees it: that is in the way of the next one, and is the price of never
  sending twice. Nobody waits for \`message.settle_sent\`, but it takes its share of the two cores. Why
  the next message is not marked while the one before is under way stands in [RESULTS.md](RESULTS.md).
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
