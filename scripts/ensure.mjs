// Makes a fresh clone runnable: installs the packages when they are missing or older than the lock file and,
// asked to `build`, compiles when a source is newer than what was compiled. Does nothing when all is there.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Milliseconds of the last change, or 0 when the file is not there. */
const changedAt = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0);

/** The newest change below a folder. */
const newestBelow = (folder) =>
  existsSync(folder)
    ? Math.max(
        0,
        ...readdirSync(folder, { recursive: true, withFileTypes: true })
          .filter((entry) => entry.isFile())
          .map((entry) => changedAt(`${entry.parentPath ?? entry.path}/${entry.name}`)),
      )
    : 0;

/** Runs an npm command, its output on stderr so that stdout stays the service's own; ends here when it fails. */
function npm(...args) {
  console.error(`> npm ${args.join(' ')}`);
  const { status } = spawnSync('npm', args, {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  if (status !== 0) process.exit(status ?? 1);
}

if (changedAt(`${root}node_modules/.package-lock.json`) < changedAt(`${root}package-lock.json`)) {
  npm('ci', '--no-audit', '--no-fund', '--loglevel=error');
}
if (process.argv.includes('build')) {
  const sources = Math.max(
    ...['src', 'web'].map((folder) => newestBelow(root + folder)),
    changedAt(`${root}package.json`),
  );
  if (changedAt(`${root}dist/main.js`) < sources) npm('run', '--silent', 'build');
}
