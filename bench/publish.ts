import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { head, verdict } from './machine.ts';

/** A goal, what was measured of it, and whether that is enough. */
export interface Goal {
  what: string;
  measured: string;
  wanted: string;
  isReached: boolean;
}

/** The benches in the order of RESULTS.md: the word of their command, and the question that their page answers. */
export const BENCHES = {
  message: 'a message over HTTP, against a bare Express',
  load: 'latency over offered load, and what happens beyond saturation',
  agents:
    'memory, CPU and timers of 1 to 10,000 agents; a restart; agents at their limit and their neighbours',
  inbound: 'from a message event to the request at the AI',
  send: 'a text through the real library, against a bare loop',
  chromium: 'memory of a browser, against the library’s defaults',
  start: 'from the start of the process to its first answer',
  inspector: 'what watching costs',
} as const;

export type Bench = keyof typeof BENCHES;

/** Where RESULTS.md ends being written by us, and goes on as somebody wrote it. */
const MARK = '<!-- Written by hand from here on: every run keeps it. -->';
const GOALS = new URL('goals.json', import.meta.url);
const RESULTS = new URL('RESULTS.md', import.meta.url);

type Results = Partial<Record<Bench, Goal[]>>;

/** The goals of one bench as rows, under a link to its page. */
function section(bench: Bench, goals: Goal[]): string {
  const page = `${bench.toUpperCase()}.md`;
  const rows = goals.map(
    ({ what, measured, wanted, isReached }) =>
      `| ${what} | ${measured} | ${wanted} | ${verdict(isReached)} |`,
  );
  const table = rows.length > 0 ? `\n\n| | measured | goal | |\n|---|---|---|---|\n${rows.join('\n')}` : '';
  return `## [${bench}](${page}): ${BENCHES[bench]}\n\n\`npm run bench:${bench}\`${table}\n`;
}

/** What was written by hand below the results, with its mark. */
function byHand(): string {
  const text = existsSync(RESULTS) ? readFileSync(RESULTS, 'utf8') : '';
  const at = text.indexOf(MARK);
  return at < 0 ? `${MARK}\n` : text.slice(at);
}

/** Writes what one bench measured: its own page, `NAME.md`, and its goals into RESULTS.md beside those of the others. */
export function publish(bench: Bench, page: string, goals: Goal[] = []): void {
  writeFileSync(new URL(`${bench.toUpperCase()}.md`, import.meta.url), page);
  const results: Results = existsSync(GOALS) ? (JSON.parse(readFileSync(GOALS, 'utf8')) as Results) : {};
  results[bench] = goals;
  writeFileSync(GOALS, `${JSON.stringify(results, null, 2)}\n`);
  const names = (Object.keys(BENCHES) as Bench[]).filter((name) => results[name]);
  const text = `# What the gateway costs

${head('bench')}
Each page says when and where it was measured; a bench alone writes its page and its goals here anew. All of them take
about half an hour, on a machine that does nothing else.

${names.map((name) => section(name, results[name]!)).join('\n')}
${byHand()}`;
  writeFileSync(RESULTS, text);
}
