import { loadavg } from 'node:os';
import { goalText, head, spread } from './machine.ts';
import type { Goal } from './publish.ts';
import { median } from './rounds.ts';

/** A path of a message, with a number of concurrent sends. */
export interface SendPath {
  name: string;
  lanes: number;
  send(): Promise<void>;
}

/** The figures of one round; times in ms. */
export interface SendRound {
  perSecond: number;
  p50: number;
  p99: number;
}

const RATE_GOAL = 0.95;
const ADDED_GOAL_MS = 3;

type Results = [SendPath, SendRound[]][];

/** The median of a figure over one path's rounds. */
function middle(results: Results, index: number, field: keyof SendRound): number {
  return median(results[index]![1].map((round) => round[field]));
}

/** A path's rate relative to the bare loop's. */
function rateOf(results: Results, index: number): number {
  return middle(results, index, 'perSecond') / middle(results, 0, 'perSecond');
}

/** Milliseconds that a path adds to the bare send and its acknowledgement, by the medians. */
function addedBy(results: Results, index: number): number {
  return middle(results, index, 'p50') - middle(results, 1, 'p50');
}

/** The goals: rate while messages wait, and time added to a message. */
export function sendGoals(results: Results): Goal[] {
  const rate = (what: string, index: number) => ({
    what: `rate of ${what}, relative to a bare loop`,
    measured: rateOf(results, index).toFixed(2),
    wanted: String(RATE_GOAL),
    isReached: rateOf(results, index) >= RATE_GOAL,
  });
  const added = (what: string, index: number) => ({
    what: `added by ${what}, p50`,
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
  acknowledgement awaited and nothing written, ${rateOf(results, 2).toFixed(2)}: ${goalText(rateOf(results, 2) >= RATE_GOAL)}; through the whole service ${rateOf(results, 5).toFixed(2)}: ${goalText(rateOf(results, 5) >= RATE_GOAL)}.
- **Added** to a bare send and its acknowledgement, by the medians, goal ${ADDED_GOAL_MS} ms: without the disk ${addedBy(results, 3).toFixed(1)} ms: ${goalText(addedBy(results, 3) <= ADDED_GOAL_MS)};
  by the whole service ${addedBy(results, 4).toFixed(1)} ms: ${goalText(addedBy(results, 4) <= ADDED_GOAL_MS)}.
- **Steps**, means over all sends of the service by its own metrics, ms: ${[...steps].map(([name, ms]) => `\`${name}\` ${ms.toFixed(1)}`).join(', ')}.
  A message is on disk before it is handed over (\`message.append\`), and one that waited is also marked on disk as \`sending\`
  (\`message.update\`) before the page gets it: that delays the next one, and is the price of never
  sending twice. Nothing waits for \`message.settle_sent\`, but it takes its share of the two cores. [RESULTS.md](RESULTS.md)
  explains why the next message is not marked during the hand-over of the previous one.
- **What was changed**: \`resolve_recipient\` asked the page for each message, 9 of a send's 23 ms; now it asks once in ten
  minutes for each number. The rate of the whole service was 0.37 before (2 rounds, on a machine under the same load).
- **A request** is complete: HTTP, key, zod, the row on disk in the embedded Postgres, mailbox, actors, the look-up of the
  recipient, whatsapp-web.js in Chromium, WhatsApp's acknowledgement, the row's outcome, the response. Only a 200 counts.
- **The page** is the stand-in of \`test/support/stand-in\` for both, each in its own browser with our arguments. The bare
  loop is the unmodified library, which marks the chat as read with each send; the service does not.
- Stand-in, bare loop, service and load share one Node process; only Chromium and Postgres run in others.
- **Load average** of the machine in the last five minutes: ${loadavg()[1]!.toFixed(1)}. Much more than 2 means that other programs took time,
  more of it from the service's many steps than from the bare loop's few.
`;
}
