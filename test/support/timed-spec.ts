import Mocha from 'mocha';

const LISTED = 10;
/** What keeps the process alive for that long after the last test was left open by one. */
const LEFT_OPEN_MS = 15_000;
const { EVENT_SUITE_BEGIN, EVENT_SUITE_END, EVENT_RUN_END } = Mocha.Runner.constants;

/**
 * Mocha's `spec` reporter with the duration of the run and of its slowest files, including hooks. With `--parallel`
 * files are not timed, since their events arrive together. A run after which something is left open fails.
 */
export default class TimedSpec extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options);
    const startedAt = performance.now();
    const seconds = new Map<string, number>();
    let suiteAt = startedAt;
    const isOfFile = (suite: Mocha.Suite) => suite.parent?.root === true;
    runner.on(EVENT_SUITE_BEGIN, (suite) => {
      if (isOfFile(suite)) suiteAt = performance.now();
    });
    runner.on(EVENT_SUITE_END, (suite) => {
      if (!isOfFile(suite)) return;
      const file = suite.file?.replace(`${process.cwd()}/`, '') ?? suite.title;
      seconds.set(file, (seconds.get(file) ?? 0) + (performance.now() - suiteAt) / 1_000);
    });
    runner.once(EVENT_RUN_END, () => {
      const slowest = [...seconds].sort(([, a], [, b]) => b - a).slice(0, LISTED);
      const took = ((performance.now() - startedAt) / 1_000).toFixed(0);
      console.log(
        `  Node ${process.version}, ${took} s${slowest.length > 0 ? '; the files that took longest:' : ''}\n`,
      );
      for (const [file, of] of slowest) console.log(`  ${of.toFixed(1).padStart(7)} s  ${file}`);
      console.log();
      setTimeout(failLeftOpen, LEFT_OPEN_MS).unref();
    });
  }
}

/** Lists what is still open, and ends the run as failed: without it, the process would never end. */
function failLeftOpen(): void {
  console.error('  A test left open:', process.getActiveResourcesInfo());
  // Mocha sets the code of its own result at the exit, so this comes after it.
  process.once('exit', () => {
    process.exitCode = 1;
  });
  process.exit();
}
