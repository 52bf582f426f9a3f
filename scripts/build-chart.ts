import { readFile, writeFile } from 'node:fs/promises';
import { chartFiles } from './chart/chart-files.ts';

/** The files that differ from the machines. */
async function stale(): Promise<[path: URL, content: string][]> {
  const files = [...(await chartFiles())].map(([path, content]) => {
    return [new URL(`../${path}`, import.meta.url), content] as [URL, string];
  });
  const isFresh = await Promise.all(
    files.map(async ([path, content]) => (await readFile(path, 'utf8').catch(() => '')) === content),
  );
  return files.filter((_, index) => !isFresh[index]);
}

/** Writes the charts of both machines; with `--check` it only compares. */
async function main(): Promise<void> {
  const files = await stale();
  if (!process.argv.includes('--check')) {
    for (const [path, content] of files) await writeFile(path, content);
  } else if (files.length > 0) {
    console.error('charts: stale: run npm run chart');
    process.exitCode = 1;
  }
}

await main();
