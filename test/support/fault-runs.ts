import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { findChromium } from '../../src/infra/whatsapp/wwebjs/chromium.ts';
import { Seeded } from '../../src/sandbox/network/seeded.ts';

const { FAULT_RUNS, FAULT_REPORT, PATH = '', PUPPETEER_EXECUTABLE_PATH } = process.env;
/** The seed of all random numbers in these suites. */
export const FAULT_SEED = process.env.FAULT_SEED ?? 'faults';

/**
 * How often a fault happens: `short` keeps `npm test` quick, `FAULT_RUNS=long` takes the suite's `long` count, and
 * `FAULT_RUNS=200` any other for all suites.
 */
export function faultRuns(short: number, long: number): number {
  if (FAULT_RUNS === undefined) return short;
  return FAULT_RUNS === 'long' ? long : Math.max(1, Number.parseInt(FAULT_RUNS, 10));
}

/** Random moments in [0, `ms`), the same for the same `FAULT_SEED`. */
export function moments(label: string, ms: number): () => number {
  const seeded = new Seeded(FAULT_SEED);
  return () => Math.round(seeded.share(label) * ms);
}

/** How often, in words. */
export function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}

/** The smallest value that at least this share of all values does not exceed; 0 when there are none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}

/** A row of the table: a promise, the fault and how often it was injected, the figures. */
interface Row {
  promise: string;
  done: string;
  figures: string;
  /** Of the test that reported it; set when that has ended. */
  result?: 'pass' | 'fail';
}

const rows: Row[] = [];

/** Prints a suite's figures, now and in the table at the end of the run. */
export function reportFigures(promise: string, done: string, figures: Record<string, unknown>): void {
  const words = (name: string) => name.replace(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  const listed = Object.entries(figures).map(([name, value]) => `${words(name)} ${String(value)}`);
  rows.push({ promise, done, figures: listed.join(', ') });
  console.log(`      ${promise}, ${done}: ${listed.join(', ')}`);
}

// Imported while mocha reads the test files, these are hooks of the root suite. A test reports its figures before it
// checks them, so that the row's result is the test's.
afterEach(function () {
  for (const row of rows) row.result ??= this.currentTest?.state === 'passed' ? 'pass' : 'fail';
});
after(() => {
  if (rows.length === 0) return;
  console.log(`\n${table()}\n`);
  if (FAULT_REPORT) writeReport(FAULT_REPORT);
});

/** All rows as a Markdown table. */
function table(): string {
  const cell = (text: string) => text.replaceAll('|', '\\|');
  const lines = rows.map(({ promise, done, figures, result = 'fail' }) =>
    [promise, done, figures, result].map(cell).join(' | '),
  );
  return [
    '| promise | what was done | figures | result |',
    '|---|---|---|---|',
    ...lines.map((line) => `| ${line} |`),
  ].join('\n');
}

/** The version that a program prints. */
function versionOf(program: string): string {
  return execFileSync(program, ['--version'], { encoding: 'utf8' }).trim();
}

/** The machine and command that the figures were measured with. */
function machine(): string {
  const chromium = findChromium(PUPPETEER_EXECUTABLE_PATH, PATH);
  const settings = Object.entries(process.env).filter(([name]) => /^FAULT_(?!REPORT)/.test(name));
  const command = [...settings.map(([name, value]) => `${name}=${value}`), 'npm run test:faults'].join(' ');
  const memory = `${Math.round(totalmem() / 2 ** 30)} GB`;
  return [
    `${cpus().length} × ${cpus()[0]?.model.trim()}, ${memory} of memory, ${process.platform} ${release()}`,
    `Node ${process.version}, ${chromium ? versionOf(chromium) : 'no Chromium'}`,
    `${new Date().toISOString().slice(0, 10)}, \`${command}\``,
  ].join('  \n');
}

/** Writes the table between the two marks of a file, or as the whole file when it has none. */
function writeReport(path: string): void {
  const [begin, end] = ['<!-- figures -->', '<!-- /figures -->'];
  const measured = `${begin}\n${machine()}\n\n${table()}\n${end}`;
  const text = readText(path);
  const marked = new RegExp(`${begin}[^]*${end}`);
  writeFileSync(path, marked.test(text) ? text.replace(marked, () => measured) : `${measured}\n`);
}

/** A file's text; empty when it is missing. */
function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
