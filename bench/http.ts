import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { LOAD_CORE, pin } from './pinned.ts';
import { report } from './report.ts';
import { alternate, ratioOf } from './rounds.ts';
import { startBareExpress, startService } from './servers.ts';

// A message through the whole service, against a stock Express 5 that echoes. `npm run bench` measures and writes
// RESULTS.md; `npm run bench -- --check` is short, writes nothing, and fails below the bound.

const BOUND = 0.5;
const FULL = { rounds: 5, seconds: 4, warmUpSeconds: 4 };
const SHORT = { rounds: 2, seconds: 2, warmUpSeconds: 2 };

const { values } = parseArgs({
  options: { check: { type: 'boolean', default: false }, 'cpu-prof': { type: 'string' } },
});
const profile = values['cpu-prof'];

pin(process.pid, LOAD_CORE);
const bare = await startBareExpress();
try {
  const service = await startService(profile ? ['--cpu-prof', `--cpu-prof-dir=${resolve(profile)}`] : []);
  try {
    const pairs = await alternate({ service, bare }, values.check ? SHORT : FULL);
    const ratio = ratioOf(pairs);
    console.log(`ratio ${ratio.toFixed(2)}, bound ${BOUND}`);
    if (!values.check && !profile) {
      writeFileSync(new URL('RESULTS.md', import.meta.url), report(pairs, BOUND));
    }
    if (ratio < BOUND) {
      console.error('The bound does not hold.');
      process.exitCode = 1;
    }
  } finally {
    await service.stop();
  }
} finally {
  await bare.stop();
}
