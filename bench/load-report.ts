import { head } from './machine.ts';
import type { Goal } from './publish.ts';

/** What came of one rate of requests; times in ms, NaN where there was none. */
export interface Step {
  /** Requests a second. */
  offered: number;
  /** Answers a second with 200, and with 429 or 503. */
  sentPerSecond: number;
  refusedPerSecond: number;
  /** Anything else, connections that broke included. */
  otherAnswers: number;
  /** Of messages that were sent. */
  p50: number;
  p99: number;
  refusalP99: number;
  /** Cores that the service's process used. */
  busy: number;
}

/** Of the best rate, what has to be left under overload. */
const HOLDS = 0.8;

/** A row of the table; a dash where there is nothing to tell. */
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

/** The results as the text of LOAD.md, and the goals. */
export function loadReport(
  steps: Step[],
  plan: { connections: number; agents: number; places: number },
): { text: string; goals: Goal[] } {
  const best = Math.max(...steps.map(({ sentPerSecond }) => sentPerSecond));
  const left = steps.at(-1)!.sentPerSecond / best;
  const others = steps.reduce((sum, { otherAnswers }) => sum + otherAnswers, 0);
  const goals = [
    {
      what: `messages sent far beyond saturation, of the best rate (${best.toFixed(0)}/s)`,
      measured: left.toFixed(2),
      wanted: `holds (${HOLDS})`,
      isReached: left >= HOLDS,
    },
    {
      what: 'answers but 200, 429 and 503, broken connections included',
      measured: String(others),
      wanted: '0',
      isReached: others === 0,
    },
  ];
  const text = `# Latency over offered load

${head('bench:load')}

\`POST /agents/{id}/messages\` as in [MESSAGE.md](MESSAGE.md), offered at a rate that does not wait for answers until all
${plan.connections.toLocaleString('en')} connections are busy. ${plan.agents} agents, and for each ${plan.places} messages in line and ${plan.places} that wait (\`SEND_BURST\`,
\`MAILBOX_CAPACITY\`): fewer places than connections, so that overload is refused with 429 and not queued.

| offered/s | sent/s | refused/s | p50 ms | p99 ms | p99 of refusals, ms | cores used |
|---|---|---|---|---|---|---|
${steps.map(row).join('\n')}

p50 and p99 are those of messages that WhatsApp acknowledged.

![Latency and rate over the offered load](load.svg)
`;
  return { text, goals };
}
