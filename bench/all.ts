import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { BENCHES } from './publish.ts';

// Every bench in turn, each in a process of its own; the pages and RESULTS.md are written as they end.

for (const bench of Object.keys(BENCHES)) {
  console.log(`\n${bench}`);
  const script = fileURLToPath(new URL(`${bench}.ts`, import.meta.url));
  const { status } = spawnSync(process.execPath, ['--import', 'tsx', script], { stdio: 'inherit' });
  // The others are measured all the same.
  if (status !== 0) process.exitCode = 1;
}
