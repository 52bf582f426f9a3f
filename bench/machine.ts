import { arch, cpus, platform, totalmem } from 'node:os';
import { median } from './rounds.ts';

/** The first line of a page of results: command, date, machine. */
export function head(command: string): string {
  const memory = Math.round(totalmem() / 2 ** 30);
  const day = new Date().toISOString().slice(0, 10);
  return `Written by \`npm run ${command}\` on ${day}: ${cpus()[0]?.model.trim()}, ${cpus().length} cores, ${memory} GiB, ${platform()} ${arch()}, Node ${process.version}.`;
}

/** `median (min … max)`. */
export function spread(values: number[], digits = 0): string {
  const [low, middle, high] = [Math.min(...values), median(values), Math.max(...values)].map((value) =>
    value.toFixed(digits),
  );
  return `${middle} (${low} … ${high})`;
}

/** Whether a goal is reached, as text. */
export function goalText(isReached: boolean): string {
  return isReached ? 'reached' : '**not reached**';
}

/** The quantile of a share, such as 0.99; `values` need not be sorted. */
export function quantile(values: number[], share: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
