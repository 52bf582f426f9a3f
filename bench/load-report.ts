import { head } from './machine.ts';
import type { Goal } from './publish.ts';

/** The results of one rate; times in ms, NaN without a value. */
export interface Step {
  /** Requests a second. */
  offered: number;
  /** Answers a second with 200, and with 429 or 503. */
  sentPerSecond: number;
  refusedPerSecond: number;
  /** All others, broken connections included. */
  otherAnswers: number;
  /** Of messages that were sent. */
  p50: number;
  p99: number;
  refusalP99: number;
  /** Cores that the service's process used. */
  busy: number;
}

/** The share of the best rate that must remain under overload. */
const HOLDS = 0.8;

/** A row of the table; a dash where there is no value. */
function row(step: Step): string {
  const ms = (value: number) => (Number.isNaN(value) ? '–' : value.toFixed(1));
  const offered = step.offered.toLocaleString('en');
  const figures = [
    step.sentPerSecond.toFixed(0),
    step.refusedPerSecond.toFixed(0),
    ms(step.p50),
    ms(step.p99),
    ms(step.refusalP99),
    step.busy.toFixed(2),
  ];
  return `| ${offered} | ${figures.join(' | ')} |`;
}

const HEADER = `| offered/s | sent/s | refused/s | p50 ms | p99 ms | p99 of refusals, ms | cores used |
|---|---|---|---|---|---|---|`;

/** The results as the text of LOAD.md, and the goals. */
export function loadReport(
  roomy: Step[],
  small: Step[],
  plan: { connections: number; agents: number; seconds: number; rounds: number },
): { text: string; goals: Goal[] } {
  const best = Math.max(...roomy.map(({ sentPerSecond }) => sentPerSecond));
  const [beyond, refusing] = [roomy.at(-1)!, small.at(-1)!];
  const sent = beyond.sentPerSecond / best;
  const answered = (refusing.sentPerSecond + refusing.refusedPerSecond) / best;
  const others = [...roomy, ...small].reduce((sum, { otherAnswers }) => sum + otherAnswers, 0);
  const offered = beyond.offered.toLocaleString('en');
  const goals = [
    {
      what: `messages sent with ${offered} offered a second, relative to the best rate`,
      measured: sent.toFixed(2),
      wanted: `holds (${HOLDS})`,
      isReached: sent >= HOLDS,
    },
    {
      what: 'answers a second while small mailboxes refuse, relative to the best rate',
      measured: answered.toFixed(2),
      wanted: `holds (${HOLDS})`,
      isReached: answered >= HOLDS,
    },
    {
      what: 'answers other than 200, 429 and 503, broken connections included',
      measured: String(others),
      wanted: '0',
      isReached: others === 0,
    },
  ];
  const text = `# Latency over offered load

${head('bench:load')}

\`POST /agents/{id}/messages\` as in [MESSAGE.md](MESSAGE.md), for ${plan.agents} agents in turn, at a rate independent of the
answers until all ${plan.connections.toLocaleString('en')} connections are busy. p50 and p99 are those of messages that WhatsApp acknowledged.
Each rate for ${plan.seconds} s; for 5,000 and 7,000 the median of ${plan.rounds} rounds by messages sent.

With the default mailboxes, which hold more than the connections can carry:

${HEADER}
${roomy.map(row).join('\n')}

![Latency and rate over the offered load](load.svg)

With \`SEND_BURST=2\` and \`MAILBOX_CAPACITY=2\`, which hold fewer messages than there are connections:

${HEADER}
${small.map(row).join('\n')}

A refusal is a 429 with \`Retry-After\` and everything before it: HTTP, key, body, log. It takes about as much of the
service's core as a message, so refusals reduce the number of messages sent.
`;
  return { text, goals };
}
