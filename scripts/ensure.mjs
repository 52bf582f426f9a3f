// Makes a fresh clone runnable: refuses a Node that is too old, installs the packages when they are missing or older
// than the lock file and, asked to `build`, compiles when a source is newer than what was compiled. Does nothing when
// all is there.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
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

/** Ends here when this Node is older than the packages need: they would fail one by one, and not say why. */
function refuseOldNode() {
  const { engines } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));
  const [needed, found] = [engines.node.replace(/[^\d.]/g, ''), process.versions.node].map((text) =>
    text.split('.'),
  );
  if (Number(found[0]) * 1_000 + Number(found[1]) >= Number(needed[0]) * 1_000 + Number(needed[1])) return;
  console.error(`Node ${needed.join('.')} or newer is needed; this is ${found.join('.')}.`);
  process.exit(1);
}

refuseOldNode();
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
