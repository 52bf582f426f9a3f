import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { messageReport } from './message-report.ts';
import { LOAD_CORE, pin } from './pinned.ts';
import { publish } from './publish.ts';
import { alternate, ratioOf } from './rounds.ts';
import { startBareExpress, startService, type Target } from './servers.ts';

// A message through the whole service, against a stock Express 5 that echoes. `npm run bench:message` writes MESSAGE.md;
// with `-- --check` it is short, writes nothing, and fails below the bound.

/** Fails on a regression; not a goal. Node 24's bare Express is twice as fast as Node 20's. */
const BOUND = 0.15;
const FULL = { rounds: 5, seconds: 4, warmUpSeconds: 4 };
const SHORT = { rounds: 2, seconds: 2, warmUpSeconds: 2 };

const { values } = parseArgs({
  options: { check: { type: 'boolean', default: false }, 'cpu-prof': { type: 'string' } },
});
const profile = values['cpu-prof'];

pin(process.pid, LOAD_CORE);
const started: Target[] = [];
/** Starts a server, to be stopped at the end. */
async function up(starting: Promise<Target>): Promise<Target> {
  const target = await starting;
  started.push(target);
  return target;
}
try {
  const bare = await up(startBareExpress());
  const prof = profile ? ['--cpu-prof', `--cpu-prof-dir=${resolve(profile)}`] : [];
  const service = await up(startService({ nodeArguments: prof }));
  const turns = await alternate({ bare, service }, values.check ? SHORT : FULL);
  const ratio = ratioOf(turns, 'service');
  console.log(`ratio ${ratio.toFixed(2)}, bound ${BOUND}`);
  if (!values.check && !profile) {
    publish('message', messageReport(turns, BOUND));
  }
  if (ratio < BOUND) {
    console.error('The ratio is below the bound.');
    process.exitCode = 1;
  }
} finally {
  for (const target of started.reverse()) await target.stop();
}
