import mocha from 'mocha';

// Mocha's reporter of `npm run drift`: the usual lines, then which flow works on which edition of the page. A flow
// without a test is a failure, too.

/** The flows, each by the titles of its tests. */
const FLOWS: Record<string, RegExp> = {
  link: /once scanned|QR is scanned|saved credentials|pairing code|passkey/,
  send: /hands a text over|sends a text to a number/,
  image: /sends an image/,
  quote: /quote/,
  group: /group/,
  LID: /\bLIDs?\b/,
  inbound: /reports a direct message|answers a direct message/,
  'catch-up': /finds missed messages/,
  'look-up after a kill': /finds what it sent|under the stanza id/,
  'self-check': /is checked once|has and lacks/,
  'a reload': /reload/,
  'a dead browser': /is detected and replaced without a QR/,
  'random faults': /random faults/,
};
const ON_EDITION = /\b\d{4}-\d\d(?:-lid)?\b/;

/** How many tests of a cell passed and failed. */
interface Cell {
  passed: number;
  failed: number;
}

/** A cell as text. */
function shown({ passed, failed }: Cell): string {
  if (failed > 0) return `✘ ${failed} of ${passed + failed}`;
  return passed > 0 ? `✔ ${passed}` : '✘ no test';
}

/** The rows as aligned columns. */
function inColumns(rows: string[][]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) =>
      row
        .map((text, column) => text.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

export default class DriftReporter extends mocha.reporters.Spec {
  readonly #editions = new Map<string, Record<string, Cell>>();

  constructor(runner: Mocha.Runner, options?: Mocha.MochaOptions) {
    super(runner, options);
    runner.on('pass', (test) => this.#count(test, 'passed'));
    runner.on('fail', (test) => this.#count(test, 'failed'));
    runner.on('end', () => {
      const rows = [...this.#editions].map(([edition, cells]) => [
        edition,
        ...Object.values(cells).map(shown),
      ]);
      console.log(`${inColumns([['edition', ...Object.keys(FLOWS)], ...rows])}\n`);
      const isLacking = rows.length === 0 || rows.flat().includes('✘ no test');
      if (isLacking) runner.failures = Math.max(1, runner.failures);
    });
  }

  /** Counts a test, or a failed hook, in its flows and edition. */
  #count(test: Mocha.Runnable, result: keyof Cell): void {
    const title = test.fullTitle();
    const [edition] = ON_EDITION.exec(title) ?? [];
    if (!edition) return;
    const empty = () =>
      Object.fromEntries(Object.keys(FLOWS).map((flow) => [flow, { passed: 0, failed: 0 }]));
    const cells = this.#editions.get(edition) ?? empty();
    this.#editions.set(edition, cells);
    const isHook = 'type' in test && test.type === 'hook';
    for (const [flow, titles] of Object.entries(FLOWS))
      if (isHook || titles.test(test.title)) cells[flow]![result] += 1;
  }
}
