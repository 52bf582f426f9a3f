import { Seeded } from '../../src/infra/whatsapp/sandbox/seeded.ts';

const { FAULT_RUNS, FAULT_SEED = 'faults' } = process.env;

/** How often a fault happens: a default that keeps the suite short, more with `FAULT_RUNS=200 npm run test:faults`. */
export function faultRuns(byDefault: number): number {
  return FAULT_RUNS === undefined ? byDefault : Math.max(1, Number.parseInt(FAULT_RUNS, 10));
}

/** A draw of moments in [0, `ms`): the same ones for the same `FAULT_SEED`. */
export function moments(label: string, ms: number): () => number {
  const seeded = new Seeded(FAULT_SEED);
  return () => Math.round(seeded.share(label) * ms);
}

/** Prints a suite's figures, so that a run can be quoted. */
export function tell(what: string, figures: Record<string, unknown>): void {
  const listed = Object.entries(figures).map(([name, value]) => `${name} ${String(value)}`);
  console.log(`      ${what}: ${listed.join(', ')}`);
}
