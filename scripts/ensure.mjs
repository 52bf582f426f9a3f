// Makes a fresh clone runnable: refuses an unsupported Node, installs the packages when they are missing or differ from
// the lock file, and, with `build`, compiles when a source is newer than the build. Otherwise does nothing.
import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Time of the last change, epoch ms; 0 when the file is missing. */
const changedAt = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0);

/** Time of the newest change below a folder, epoch ms. */
const newestBelow = (folder) =>
  existsSync(folder)
    ? Math.max(
        0,
        ...readdirSync(folder, { recursive: true, withFileTypes: true })
          .filter((entry) => entry.isFile())
          .map((entry) => changedAt(`${entry.parentPath ?? entry.path}/${entry.name}`)),
      )
    : 0;

/** Runs an npm command with its output on stderr, since stdout is the service's; exits when it fails. */
function npm(...args) {
  console.error(`> npm ${args.join(' ')}`);
  const { status } = spawnSync('npm', args, {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  if (status !== 0) process.exit(status ?? 1);
}

/**
 * Whether a package is missing or has another version than in the lock file. Development dependencies count unless none
 * is installed. A `node_modules` that is a link belongs to another checkout, and is left alone.
 */
function lacksPackages() {
  const folder = lstatSync(`${root}node_modules`, { throwIfNoEntry: false });
  if (folder?.isSymbolicLink()) return false;
  const packagesOf = (path) => JSON.parse(readFileSync(`${root}${path}`, 'utf8')).packages;
  if (!existsSync(`${root}node_modules/.package-lock.json`)) return true;
  const installed = packagesOf('node_modules/.package-lock.json');
  const hasDev = Object.values(installed).some(({ dev }) => dev);
  return Object.entries(packagesOf('package-lock.json')).some(
    ([path, { version, dev, devOptional, optional }]) =>
      path !== '' && !optional && (hasDev || !(dev || devOptional)) && installed[path]?.version !== version,
  );
}

/** Exits when this Node is older than the packages require, which would fail without a clear message. */
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
if (lacksPackages()) npm('ci', '--no-audit', '--no-fund', '--loglevel=error');
if (process.argv.includes('build')) {
  const sources = Math.max(
    ...['src', 'web'].map((folder) => newestBelow(root + folder)),
    changedAt(`${root}package.json`),
  );
  if (changedAt(`${root}dist/main.js`) < sources) npm('run', '--silent', 'build');
}
