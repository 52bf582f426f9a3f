import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { BENCHES } from './publish.ts';

// Runs every bench in its own process; the pages and RESULTS.md are written after each.

for (const bench of Object.keys(BENCHES)) {
  console.log(`\n${bench}`);
  const script = fileURLToPath(new URL(`${bench}.ts`, import.meta.url));
  const { status } = spawnSync(process.execPath, ['--import', 'tsx', script], { stdio: 'inherit' });
  // A failed bench does not stop the others.
  if (status !== 0) process.exitCode = 1;
}
