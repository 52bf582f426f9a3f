import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { faultRuns, reportFigures } from '../support/fault-runs.ts';
import { withDatabase } from '../support/postgres.ts';
import type { Holding, SoakFindings, SoakTask } from '../support/soak.ts';

const CYCLES = faultRuns(50, 500);
const ROUNDS = faultRuns(12, 60);
const MINUTES = Number(process.env.FAULT_SOAK_MINUTES ?? 0);
const SOAK = fileURLToPath(new URL('../support/soak.ts', import.meta.url));

describe('the service in long use', function () {
  this.timeout(180_000 + CYCLES * 2_000 + (ROUNDS > 20 || MINUTES > 0 ? 1_800_000 : 0) + MINUTES * 120_000);
  const database = withDatabase();
  let found: SoakFindings;

  before(async () => {
    const task: SoakTask = { database: database(), cycles: CYCLES, rounds: ROUNDS, minutes: MINUTES };
    const { PATH, HOME } = process.env;
    const soak = await promisify(execFile)(
      process.execPath,
      ['--expose-gc', '--import', 'tsx', SOAK, JSON.stringify(task)],
      { env: { PATH, HOME } },
    );
    found = JSON.parse(soak.stdout) as SoakFindings;
  });

  /** Expects a process to hold the same at the end as at the start, within five percent. */
  function expectFlat(promise: string, done: string, before: Holding, after: Holding): void {
    const megabytes = (bytes: number) => (bytes / 2 ** 20).toFixed(1);
    reportFigures(promise, done, {
      'heap MB': `${megabytes(before.heapBytes)} → ${megabytes(after.heapBytes)}`,
      descriptors: `${before.descriptors} → ${after.descriptors}`,
      timers: `${before.timers} → ${after.timers}`,
      listeners: `${before.listeners} → ${after.listeners}`,
    });
    // A log line or a timer may be in progress.
    const few = (count: number) => Math.ceil(count * 1.05) + 3;
    expect(after.heapBytes, 'heap').to.be.below(before.heapBytes * 1.05);
    expect(after.descriptors, 'descriptors').to.be.at.most(few(before.descriptors));
    expect(after.timers, 'timers').to.be.at.most(few(before.timers));
    expect(after.listeners, 'listeners').to.equal(before.listeners);
  }

  it('does not grow with agents created and deleted', () => {
    const { before, after } = found.cycles;
    expectFlat('P18', `${CYCLES} agents created, linked, used and deleted`, before, after);
  });

  it('does not grow while twenty agents send, answer, crash and reconnect', () => {
    const { before, after, rounds, messages } = found.soak;
    const long = MINUTES > 0 ? `, over ${MINUTES} minutes` : '';
    const done = `20 agents, ${messages} messages and ${2 * rounds} losses of a browser or the network${long}`;
    expectFlat('P18', done, before, after);
  });
});
