import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { goalText, head } from './machine.ts';

/** A goal, its measurement, and whether it is reached. */
export interface Goal {
  what: string;
  measured: string;
  wanted: string;
  isReached: boolean;
}

/** The benches in the order of RESULTS.md: name of the command, and subject of the page. */
export const BENCHES = {
  message: 'a message over HTTP, against a bare Express',
  agents:
    'memory, CPU and timers of 1 to 10,000 agents; a restart; agents at their limit and their neighbours',
  inbound: 'from a message event to the request at the AI',
  bursts: 'from the end of a burst to the request at the AI',
  send: 'a text through the real library, against a bare loop',
  chromium: 'memory of a browser, against the library’s defaults',
  start: 'from the start of the process to its first response',
  inspector: 'what watching costs',
  webhooks: 'from an event to the request at its receiver, while others hang',
  files: 'what documents of 64 MB cost the service and the other agents',
} as const;

export type Bench = keyof typeof BENCHES;

/** Separates the generated part of RESULTS.md from the one written by hand. */
const MARK = '<!-- Written by hand below this line; every run keeps it. -->';
const GOALS = new URL('goals.json', import.meta.url);
const RESULTS = new URL('RESULTS.md', import.meta.url);

type Results = Partial<Record<Bench, Goal[]>>;

/** The goals of one bench as a table, with a link to its page. */
function section(bench: Bench, goals: Goal[]): string {
  const page = `${bench.toUpperCase()}.md`;
  const rows = goals.map(
    ({ what, measured, wanted, isReached }) =>
      `| ${what} | ${measured} | ${wanted} | ${goalText(isReached)} |`,
  );
  const table = rows.length > 0 ? `\n\n| | measured | goal | |\n|---|---|---|---|\n${rows.join('\n')}` : '';
  return `## [${bench}](${page}): ${BENCHES[bench]}\n\n\`npm run bench:${bench}\`${table}\n`;
}

/** The part of RESULTS.md written by hand, with its mark. */
function byHand(): string {
  const text = existsSync(RESULTS) ? readFileSync(RESULTS, 'utf8') : '';
  const at = text.indexOf(MARK);
  return at < 0 ? `${MARK}\n` : text.slice(at);
}

/** Writes the results of one bench: its page `NAME.md`, and its goals in RESULTS.md. */
export function publish(bench: Bench, page: string, goals: Goal[] = []): void {
  writeFileSync(new URL(`${bench.toUpperCase()}.md`, import.meta.url), page);
  const results: Results = existsSync(GOALS) ? (JSON.parse(readFileSync(GOALS, 'utf8')) as Results) : {};
  results[bench] = goals;
  writeFileSync(GOALS, `${JSON.stringify(results, null, 2)}\n`);
  const names = (Object.keys(BENCHES) as Bench[]).filter((name) => results[name]);
  const text = `# What the gateway costs

${head('bench')}
Each page says when and where it was measured; a single bench rewrites its page and its goals here. All of them take
about half an hour on an otherwise idle machine.

${names.map((name) => section(name, results[name]!)).join('\n')}
${byHand()}`;
  writeFileSync(RESULTS, text);
}
